import { describe, expect, test } from "vitest";
import { mergePlans } from "../../../components/provisioning/merge";
import type { PlanFragment } from "../../../components/provisioning/plan";
import { renderConsulClient, renderConsulServer } from "../../../components/roles/consul";
import { renderEgress } from "../../../components/roles/egress";
import { renderNomadClient, renderNomadServer } from "../../../components/roles/nomad";
import { renderSsh, renderSupport } from "../../../components/roles/support";
import { renderSystem } from "../../../components/roles/system";
import { renderVaultServer } from "../../../components/roles/vault";
import {
  consulClient,
  consulServer,
  type Family,
  nomadClient,
  nomadServer,
  planText,
  support,
  vaultServer,
} from "./example";

/** What holds for every role. */

/** Each role, and the group that may read its secrets. */
/** All that a plan's files tell of members in their own family. Filters are about both. */
const ofMembers = ({ files = [] }: PlanFragment): string =>
  files
    .filter(({ path }) => !path.endsWith(".nft"))
    .map(({ content }) => content)
    .join("\n");

const roles: Record<string, { render: (family: Family) => PlanFragment; group: string }> = {
  "consul-server": { render: (family) => renderConsulServer(consulServer(family)), group: "consul" },
  "consul-client": { render: (family) => renderConsulClient(consulClient(family)), group: "consul" },
  "vault-server": { render: (family) => renderVaultServer(vaultServer(family)), group: "vault" },
  "nomad-server": { render: (family) => renderNomadServer(nomadServer(family)), group: "nomad" },
  "nomad-client": { render: (family) => renderNomadClient(nomadClient(family)), group: "root" },
  support: { render: (family) => renderSupport(support(family)), group: "root" },
  system: { render: renderSystem, group: "root" },
  "egress-gateway": {
    render: () =>
      renderEgress({
        local: "10.1.0.2",
        address: "100.64.0.2/24",
        closed: ["10.1.0.0/24", "100.64.0.0/24"],
      }),
    group: "root",
  },
  "egress-behind": {
    render: () =>
      renderEgress({
        local: "10.1.0.37",
        remote: "10.1.0.2",
        address: "100.64.0.37/24",
        gateway: "100.64.0.2",
      }),
    group: "root",
  },
  ssh: { render: () => renderSsh({ user: "ops", jump: false }), group: "root" },
};

describe.each(Object.entries(roles))("%s", (name, { render, group }) => {
  const plan = render("ipv6");

  // After a change that is meant: npx vitest run --project unit test/unit/roles --update
  test("all that it puts on a machine, for a reviewer to read", async () => {
    await expect(planText(plan)).toMatchFileSnapshot(`plans/${name}.txt`);
  });

  test("a file with a secret is root's, and its daemon may read it: nobody else", () => {
    for (const file of plan.files ?? []) {
      const secret = file.content.includes("SECRET");
      if (!secret) continue;
      expect({ owner: file.owner, group: file.group, mode: file.mode }, file.path).toEqual({
        owner: "root",
        group,
        mode: "0640",
      });
      const folder = (plan.directories ?? []).find(({ path }) => file.path.startsWith(`${path}/`));
      expect(folder?.owner, file.path).toBe("root");
      expect(folder?.mode, file.path).toMatch(/^07[05]0$/);
    }
  });

  test("no secret is in a unit, a check or the name of anything", () => {
    const { files, certificates, ...rest } = plan;
    expect(JSON.stringify(rest)).not.toContain("SECRET");
    expect(JSON.stringify((files ?? []).map(({ content, ...file }) => file))).not.toContain("SECRET");
    for (const { authKey, ...certificate } of certificates ?? []) {
      expect(JSON.stringify(certificate)).not.toContain("SECRET");
    }
  });

  test("nobody but root writes what a daemon is told, and nobody in the world writes anything", () => {
    for (const file of plan.files ?? []) {
      expect(file.owner, file.path).toBe("root");
      expect(file.mode, file.path).toMatch(/^0[46][04][04]$/);
    }
    for (const folder of plan.directories ?? []) expect(folder.mode, folder.path).toMatch(/^07[05][05]$/);
  });

  test("every certificate's key is its daemon's alone, and its service takes a new one by reload", () => {
    for (const { owner, group: readers, directory, service, notifies } of plan.certificates ?? []) {
      expect({ owner, readers, directory }).toEqual({
        owner: "root",
        readers: group,
        directory: `/etc/ssl/${service}`,
      });
      expect(notifies).toEqual([{ unit: expect.stringMatching(/\.service$/), action: "reload" }]);
    }
  });

  test("whoever takes notice of a change is a unit of the plan, or the machine's own sshd", () => {
    const units = new Set(["ssh.service", ...(plan.units ?? []).map((unit) => unit.name)]);
    const told = [...(plan.files ?? []), ...(plan.certificates ?? [])].flatMap(
      ({ notifies }) => notifies ?? [],
    );
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter(({ unit }) => !units.has(unit))).toEqual([]);
  });

  test("every unit of ours comes back however often it falls, dumps no core, and is checked within a limit", () => {
    for (const { name: unit, content } of plan.units ?? []) {
      // What runs once has nothing that could fall.
      if (content === undefined || /^(Type=oneshot|\[Path\])$/m.test(content)) continue;
      const lines = content.split("\n");
      expect(lines, unit).toEqual(
        expect.arrayContaining([
          "StartLimitIntervalSec=0",
          "Restart=always",
          "LimitCORE=0",
          "LimitNOFILE=65536",
        ]),
      );
      expect(content, unit).toMatch(/^ExecStart=\/usr\/local\/bin\//m);
    }
    for (const check of plan.checks ?? []) {
      expect(check.timeoutSeconds).toBeGreaterThan(0);
      const own = check.kind === "tcp" ? /^(127\.0\.0\.1|\[::1\]):[0-9]+$/ : /^hashistack-[a-z]+\.service$/;
      expect(check.target).toMatch(own);
    }
  });

  test("with IPv4 among the members no member's IPv6 address is left in a file", () => {
    const told = ofMembers(render("ipv4"));
    expect(told).not.toContain("fd00:1ab::");
    expect(told).not.toMatch(/\[\d+\.\d+\.\d+\.\d+\]/);
  });

  test("with IPv6 every address in a URL or before a port has its brackets", () => {
    const told = ofMembers(plan);
    expect(told).not.toContain("198.51.100.");
    expect(told).not.toMatch(/(?:\/\/|server )fd00:/);
    expect(told).not.toMatch(/[^[]fd00:1ab::[0-9a-f]+:[0-9]{4}/);
  });
});

test.each([
  ["control", ["consul-server", "vault-server", "nomad-server", "ssh"]],
  ["client", ["consul-client", "nomad-client", "ssh"]],
  ["vault alone", ["consul-client", "vault-server", "ssh"]],
])("the roles of a machine agree: %s", (_, together) => {
  const fragments = Object.fromEntries(together.map((name) => [name, roles[name]?.render("ipv6") ?? {}]));
  const signer = { serverName: "support.dev.internal", caPem: "root of support\n" };
  const plan = mergePlans({ machine: "control-a", hostname: "dev-control-a-1f2e3d4c", signer }, fragments);
  expect(plan.units.map((unit) => unit.name)).toEqual([...new Set(plan.units.map((unit) => unit.name))]);
  const service = (name: string) => plan.units.findIndex((unit) => unit.name === name);
  expect(service("consul.service")).toBeGreaterThanOrEqual(0);
  for (const later of ["vault.service", "nomad.service"]) {
    if (service(later) >= 0) expect(service(later)).toBeGreaterThan(service("consul.service"));
  }
});
