import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseOutputs } from "../../../cli/outputs";
import {
  pickMachine,
  remoteCommand,
  renderKnownHosts,
  renderSshConfig,
  writeSshFiles,
} from "../../../cli/ssh";
import { renderExports, shellQuote, toolVariables, writeCaFiles } from "../../../cli/toolEnv";
import type { Workspace } from "../../../cli/workspace";
import { outputsFixture } from "./outputs.fixture";

let root: string;
let workspace: Workspace;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-cli-"));
  workspace = { root, project: "hashistack", directory: join(root, ".hashistack"), ownBackend: true };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("shellQuote", () => {
  it("gives back exactly the word, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: "grapheme" }).filter((word) => !/\0/.test(word)),
          { maxLength: 3 },
        ),
        (words) => {
          const script = `printf '%s\\0' ${words.map(shellQuote).join(" ")}`;
          const printed = execFileSync("/bin/sh", ["-c", script]).toString("utf8");
          expect(printed).toBe(words.length === 0 ? "\0" : words.map((word) => `${word}\0`).join(""));
        },
      ),
      { numRuns: 60 },
    );
  });
  it("leaves plain words as they are", () => {
    expect(shellQuote("https://127.77.0.2:8501")).toBe("https://127.77.0.2:8501");
    expect(shellQuote("")).toBe("''");
  });
});

describe("tool variables", () => {
  const files = {
    consul: "/c a/consul.pem",
    nomad: "/c a/nomad.pem",
    vault: "/c a/vault.pem",
    site: "/c a/site.pem",
    all: "/c a/all.pem",
  };

  it("is what a shell takes over with eval", () => {
    const { set, unset } = toolVariables(outputsFixture(), files, "hvs.token");
    const lines = renderExports(set, unset, ["/opt/it's"]);
    const shown = execFileSync(
      "/bin/sh",
      [
        "-c",
        'eval "$LINES_"; printf "%s|" "$NOMAD_ADDR" "$VAULT_CACERT" "$VAULT_TOKEN" "$NOMAD_CAPATH" "$PATH"',
      ],
      {
        env: { LINES_: lines, PATH: "/usr/bin:/bin", NOMAD_CAPATH: "/elsewhere" },
      },
    ).toString();
    expect(shown).toBe("https://127.77.0.2:4646|/c a/vault.pem|hvs.token||/opt/it's:/usr/bin:/bin|");
  });

  it("has every address, CA, name and token", () => {
    expect(toolVariables(outputsFixture(), files, undefined).set).toEqual({
      NOMAD_ADDR: "https://127.77.0.2:4646",
      NOMAD_CACERT: "/c a/nomad.pem",
      NOMAD_TLS_SERVER_NAME: "server.global.nomad",
      NOMAD_TOKEN: "nomad-secret",
      CONSUL_HTTP_ADDR: "https://127.77.0.2:8501",
      CONSUL_CACERT: "/c a/consul.pem",
      CONSUL_TLS_SERVER_NAME: "server.dc1.consul",
      CONSUL_HTTP_TOKEN: "consul-secret",
      VAULT_ADDR: "https://127.77.0.2:8200",
      VAULT_CACERT: "/c a/vault.pem",
      VAULT_TLS_SERVER_NAME: "active.vault.service.consul",
    });
  });

  it("writes the CA files, and one with all of them for curl", () => {
    const written = writeCaFiles(workspace, "dev", outputsFixture().ca);
    expect(readFileSync(written.consul, "utf8")).toBe("CONSUL CA\n");
    expect(readFileSync(written.all, "utf8")).toBe("CONSUL CA\nNOMAD CA\nVAULT CA\nSITE CA\n");
    const more = writeCaFiles(workspace, "dev", outputsFixture().ca, ["PUBLIC CA\n"]);
    expect(readFileSync(more.all, "utf8")).toMatch(/^CONSUL CA\n[\s\S]*\nPUBLIC CA\n$/);
  });
});

describe("ssh", () => {
  it("goes to support directly and to every other machine through it", () => {
    const config = renderSshConfig(outputsFixture(), "dev", {
      config: "/w/config",
      knownHosts: "/w/kh",
      key: "/w/id",
    });
    expect(config).toContain(
      "Host support-a\n  HostName 127.77.0.2\n  HostKeyAlias support-a.dev.hashistack\n\n",
    );
    expect(config).toContain(
      "Host control-a\n  HostName 198.51.100.3\n  HostKeyAlias control-a.dev.hashistack\n  ProxyJump support-a\n",
    );
    expect(config.match(/^Host support-a$/gm)).toHaveLength(1);
    expect(config).toContain('  IdentityFile "/w/id"\n');
    expect(config).toContain("  StrictHostKeyChecking yes\n");
  });

  it("uses IPv6 where a machine has nothing else", () => {
    const outputs = outputsFixture();
    const machine = outputs.machines["client-a"];
    if (machine) machine.privateIpv4 = undefined;
    const config = renderSshConfig(outputs, "dev", { config: "/w/c", knownHosts: "/w/k", key: "/w/i" });
    expect(config).toContain("HostName fd00:1ab::6\n");
  });

  it("escapes what ssh would expand in a path, and refuses what it cannot take", () => {
    const at = (key: string) => () =>
      renderSshConfig(outputsFixture(), "dev", { config: "/w/c", knownHosts: "/w/k", key });
    expect(at("/50%h/id")()).toContain('IdentityFile "/50%%h/id"');
    expect(at('/a"b/id')).toThrow(/quotation mark/);
  });

  it("knows each machine's key under its alias, without comments", () => {
    expect(renderKnownHosts(outputsFixture(), "dev")).toContain(
      "control-b.dev.hashistack ssh-ed25519 KEY4\n",
    );
  });

  it("writes the key so that only its owner reads it", () => {
    const files = writeSshFiles(workspace, "dev", outputsFixture());
    expect(statSync(files.key).mode & 0o777).toBe(0o600);
    expect(statSync(join(workspace.directory, "ssh")).mode & 0o777).toBe(0o700);
    expect(readFileSync(files.key, "utf8").endsWith("KEY-----\n")).toBe(true);
  });

  it("finds a machine by its name or a beginning that only one has", () => {
    const names = ["control-a", "control-ab", "client-a"];
    expect(pickMachine(names, "control-a")).toBe("control-a");
    expect(pickMachine(names, "cl")).toBe("client-a");
    expect(() => pickMachine(names, "co")).toThrow('"co" could be several machines: control-a, control-ab');
    expect(() => pickMachine(names, "x")).toThrow('there is no machine "x": client-a, control-a, control-ab');
  });

  it("hands several words on as they were, and one as a shell line", () => {
    expect(remoteCommand(["echo", "a b"], shellQuote)).toEqual(["echo 'a b'"]);
    expect(remoteCommand(["echo $HOME"], shellQuote)).toEqual(["echo $HOME"]);
    expect(remoteCommand([], shellQuote)).toEqual([]);
  });
});

describe("parseOutputs", () => {
  it("takes what the stack gives and ignores what it does not know", () => {
    expect(parseOutputs({ ...outputsFixture(), recoveryKeys: [] }, "dev").support.name).toBe("support-a");
  });
  it("names what is missing", () => {
    const { nomadToken: _, ...rest } = outputsFixture();
    expect(() => parseOutputs(rest, "dev")).toThrow(/its output nomadToken is missing/);
    expect(() => parseOutputs({}, "dev")).toThrow(/its outputs support, machines, ca, apis, /);
  });
});
