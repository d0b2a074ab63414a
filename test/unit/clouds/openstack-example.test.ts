import { beforeAll, describe, expect, test } from "vitest";
import { type Deployment, deploy, opened, resourceOf } from "../cluster/deployment";
import { ancestors, graphText } from "../cluster/graph";
import { configOf, publishing } from "../settings/stack-files";
import { openstackAnswers } from "./requests";
import { resourceList } from "./resource-list";

/** The campus stack as it stands in examples/openstack, previewed against mocks. */

const file = "examples/openstack/Pulumi.campus.yaml";
const elsewhere = {
  program: () => import("../../../examples/openstack/index.js"),
  answers: openstackAnswers,
};

/** A whole program is run, perhaps beside many others, in milliseconds. */
const patience = 60_000;

let stack: Deployment;
beforeAll(async () => {
  stack = await deploy(configOf(file), false, elsewhere);
}, patience);

const of = (kind: string) => stack.resources.filter((one) => one.kind === kind);

// After a change that is meant: npx vitest run --project unit test/unit/clouds --update
test("what the cloud is asked for, for a reviewer to read", async () => {
  await expect(resourceList(stack, "openstack", file)).toMatchFileSnapshot("graphs/campus.txt");
});

test("the whole graph, for a reviewer to read", async () => {
  await expect(graphText(stack, file)).toMatchFileSnapshot("graphs/campus-graph.txt");
});

test("the first preview shows every resource, though nothing is known yet", {
  timeout: patience,
}, async () => {
  const preview = await deploy(configOf(file), true, elsewhere);
  expect(preview.resources.map(({ id }) => id)).toEqual(stack.resources.map(({ id }) => id));
});

test("dashboards that are published open nothing at the cloud", { timeout: patience }, async () => {
  const behind = await deploy(publishing(configOf(file)), false, elsewhere);
  const filters = (of: Deployment) =>
    of.resources.filter(({ kind }) => /\.SecGroup(Rule)?$/.test(kind)).map(({ id, inputs }) => [id, inputs]);
  expect(filters(behind)).toEqual(filters(stack));
  expect(filters(stack).length).toBeGreaterThan(5);
});

test("what docs/openstack.md says is made, for eight machines", () => {
  const counted = Object.fromEntries(
    ["Instance", "ServerGroup"].map((kind) => [kind, of(`openstack.compute.${kind}`).length]),
  );
  const networking = Object.fromEntries(
    ["Network", "Subnet", "Router", "RouterInterface", "SecGroup", "Port", "FloatingIp"].map((kind) => [
      kind,
      of(`openstack.networking.${kind}`).length,
    ]),
  );
  expect({ ...counted, ...networking }).toEqual({
    Instance: 8,
    ServerGroup: 3,
    Network: 1,
    Subnet: 2,
    Router: 1,
    RouterInterface: 2,
    SecGroup: 3,
    Port: 8,
    FloatingIp: 3,
  });
});

test("support and servers have volumes, all others the hosts' disks", () => {
  const onVolumes = of("openstack.compute.Instance").filter(
    ({ inputs }) => inputs.blockDevices !== undefined,
  );
  expect(onVolumes.map(({ name }) => name)).toEqual(["control-a", "control-b", "control-c", "support-a"]);
});

test("floating addresses are support's and the load balancers' alone; support, the prefixes and what trust rests on are protected", () => {
  expect(of("openstack.networking.FloatingIp").map(({ name }) => name)).toEqual([
    "edge-a",
    "edge-b",
    "support-a",
  ]);
  expect(stack.resources.filter((one) => one.protect).map(({ id }) => id)).toEqual([
    "openstack.compute.Instance support-a",
    "openstack.networking.Network private",
    "openstack.networking.Subnet private-ipv4",
    "openstack.networking.Subnet private-ipv6",
    "random.RandomPassword seed",
    ...["consul", "nomad", "site", "support", "vault"].map((service) => `tls.PrivateKey ${service}-root`),
    ...["consul", "nomad", "site", "support", "vault"].map((service) => `tls.SelfSignedCert ${service}-root`),
  ]);
});

test("what all machines share belongs to the cluster, what is a machine's to the machine", () => {
  for (const { id, kind, name, parent } of stack.resources) {
    if (!kind.startsWith("openstack.") || kind.startsWith("openstack.dns.")) continue;
    const machine = /^(support|control|client|edge)-[abc]$/.test(name);
    expect(parent, id).toBe(machine ? `ClusterMachine ${name}` : "Cluster campus");
  }
});

describe("machines reach each other and are reached", () => {
  interface Connection {
    host: string;
    proxy?: { host: string };
  }
  const connectionTo = (name: string) =>
    opened<Connection>(resourceOf(stack, `remote.Command ${name}-enrol`).inputs.connection);

  test("support by its floating address, all others through it by IPv6", () => {
    const address = connectionTo("support-a").host;
    expect(address).toMatch(/^192\.0\.2\./);
    expect(connectionTo("edge-a")).toMatchObject({
      host: expect.stringMatching(/^2001:db8:20::/),
      proxy: { host: address },
    });
  });

  test("nobody is spoken to before there is a way out", () => {
    const before = ancestors(stack);
    for (const family of ["ipv4", "ipv6"]) {
      expect([...(before.get("remote.Command client-a-enrol") ?? [])]).toContain(
        `openstack.networking.RouterInterface private-${family}`,
      );
    }
  });
});

describe("names", () => {
  test("of every load balancer by both families, of the site and below it", () => {
    const told = of("openstack.dns.RecordSet").map(({ name, inputs }) => {
      const { name: host, type, records } = opened<{ name: string; type: string; records: string[] }>(inputs);
      return [name, host, type, records.length];
    });
    expect(told).toEqual([
      ["site-A", "www.stack.campus.example.", "A", 2],
      ["site-AAAA", "www.stack.campus.example.", "AAAA", 2],
      ["site-wildcard-A", "*.www.stack.campus.example.", "A", 2],
      ["site-wildcard-AAAA", "*.www.stack.campus.example.", "AAAA", 2],
    ]);
  });

  test("are told when the site has answered on all of them", () => {
    for (const { id, dependencies } of of("openstack.dns.RecordSet")) {
      expect(dependencies, id).toContain("remote.Command site-answers");
    }
  });

  test("are not made where the stack does not own the domain", { timeout: patience }, async () => {
    const dns = JSON.stringify({ domain: "stack.campus.example", provider: "openstack" });
    const { "hashistack:dns": _, ...without } = configOf(file);
    for (const config of [without, { ...without, "hashistack:dns": dns }]) {
      const { resources } = await deploy(config, true, elsewhere);
      expect(resources.filter(({ kind }) => /dns|DomainAddress/.test(kind))).toEqual([]);
    }
  });
});

test("two clusters in one project share no name", { timeout: patience }, async () => {
  const named = (deployment: Deployment): string[] =>
    deployment.resources.flatMap(({ kind, inputs }) =>
      kind.startsWith("openstack.") && typeof inputs.name === "string" ? [inputs.name] : [],
    );
  const { "hashistack:dns": _, ...without } = configOf(file);
  const other = await deploy({ ...without, "hashistack:name": "other" }, false, elsewhere);
  const all = new Set(named(stack));
  expect(all.size).toBeGreaterThan(15);
  expect(named(other).filter((name) => all.has(name))).toEqual([]);
});
