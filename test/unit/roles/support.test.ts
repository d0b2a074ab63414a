import { describe, expect, test } from "vitest";
import { renderSsh, renderSupport } from "../../../components/roles/support";
import { portNumbers } from "../../../components/topology/ports";
import { type Family, fileOf, support } from "./example";

const nginx = (family: Family) => fileOf(renderSupport(support(family)), "/etc/nginx/nginx.conf").content;

/** By port: the servers that support passes connections on to. */
function passed(config: string): Record<string, string[]> {
  const upstreams = new Map(
    [...config.matchAll(/upstream (\w+) \{([^}]*)\}/g)].map(([, name = "", body = ""]) => [
      name,
      [...body.matchAll(/server (\S+) /g)].map(([, server = ""]) => server),
    ]),
  );
  return Object.fromEntries(
    [...config.matchAll(/listen \[::\]:(\d+) ipv6only=off;\s+proxy_pass (\w+);/g)].map(
      ([, port = "", name = ""]) => [port, upstreams.get(name) ?? []],
    ),
  );
}

describe("the way to the APIs", () => {
  test("leads to the servers of each service and nowhere else", () => {
    expect(passed(nginx("ipv6"))).toEqual({
      [portNumbers.vaultApi]: ["[fd00:1ab::12]:8200"],
      [portNumbers.consulApi]: ["[fd00:1ab::11]:8501"],
      [portNumbers.nomadApi]: ["[fd00:1ab::11]:4646", "[fd00:1ab::13]:4646"],
    });
    expect(passed(nginx("ipv4"))).toEqual({
      [portNumbers.vaultApi]: ["198.51.100.12:8200"],
      [portNumbers.consulApi]: ["198.51.100.11:8501"],
      [portNumbers.nomadApi]: ["198.51.100.11:4646", "198.51.100.13:4646"],
    });
  });

  test("ends TLS at the servers: support passes bytes, and holds no key but its own", () => {
    const stream = nginx("ipv6").slice(nginx("ipv6").indexOf("stream {"), nginx("ipv6").indexOf("http {"));
    expect(stream).not.toMatch(/ssl/);
    expect(nginx("ipv6").match(/ssl_certificate_key .*/g)).toEqual([
      "ssl_certificate_key /etc/ssl/support/key.pem;",
    ]);
  });
});

test("the artifact store speaks TLS, lists nothing, and takes nothing", () => {
  const store = nginx("ipv6").slice(nginx("ipv6").indexOf("http {"));
  expect(store.match(/listen .*/g)).toEqual([`listen [::]:${portNumbers.artifacts} ssl ipv6only=off;`]);
  expect(store).toContain("ssl_protocols TLSv1.2 TLSv1.3;");
  expect(store).toContain("limit_except GET { deny all; }");
  expect(store).not.toMatch(/autoindex|dav_methods|proxy_pass/);
});

test("support listens where the table of ports says, and nowhere else", () => {
  const ports = [...nginx("ipv6").matchAll(/listen \[::\]:(\d+)/g)].map(([, port]) => Number(port));
  const { vaultApi, consulApi, nomadApi, artifacts } = portNumbers;
  expect(ports.sort()).toEqual([vaultApi, consulApi, nomadApi, artifacts].sort());
});

describe("sshd", () => {
  const lines = (jump: boolean) =>
    fileOf(renderSsh({ user: "ops", jump }), "/etc/ssh/sshd_config.d/00-hashistack.conf").content.split("\n");

  test.each([true, false])("takes keys of one user who is not root (jump host: %s)", (jump) => {
    expect(lines(jump)).toEqual(
      expect.arrayContaining([
        "PermitRootLogin no",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "AllowUsers ops",
        "AllowAgentForwarding no",
        "AllowStreamLocalForwarding no",
        "X11Forwarding no",
        "PermitTunnel no",
        "GatewayPorts no",
        "MaxAuthTries 3",
        "LoginGraceTime 60",
      ]),
    );
  });

  test("a member forwards nothing; the jump host to SSH and to its own API pass-through", () => {
    expect(
      lines(false).filter((line) => /Forwarding|PermitOpen/.test(line) && !line.endsWith(" no")),
    ).toEqual([]);
    expect(lines(true)).toEqual(
      expect.arrayContaining([
        "AllowTcpForwarding local",
        "PermitOpen *:22 localhost:8200 localhost:8501 localhost:4646",
      ]),
    );
  });
});
