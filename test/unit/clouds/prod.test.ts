import { readFileSync } from "node:fs";
import * as path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { stackSchema } from "../../../components/settings/stack-schema";
import { bundleOf, type Deployment, deploy, opened, resourceOf } from "../cluster/deployment";
import { ancestors, graphText } from "../cluster/graph";
import { configOf, publishing, root } from "../settings/stack-files";
import { linodeAnswers } from "./requests";
import { resourceList } from "./resource-list";

/** The production stack as it stands in Pulumi.prod.yaml, run against mocks. */

const file = "Pulumi.prod.yaml";
const atLinode = { answers: linodeAnswers };

let stack: Deployment;
beforeAll(async () => {
  stack = await deploy(configOf(file), false, atLinode);
});

const of = (kind: string) => stack.resources.filter((one) => one.kind === kind);
const counted = (...kinds: string[]) => kinds.map((kind) => of(`linode.${kind}`).length);

describe("the file", () => {
  const lines = readFileSync(path.join(root, file), "utf8").split("\n");

  test("has a comment right above every setting", () => {
    const bare = lines.filter(
      (line, at) =>
        /^ *[A-Za-z:]+:( |$)/.test(line) &&
        !/^ *#/.test(lines[at - 1] ?? "") &&
        // A frame is explained by what stands in it.
        !/^ {2}hashistack:(cloud|network|versions|ssh|groups|timing|site):$/.test(line),
    );
    expect(bare).toEqual([]);
  });

  test("has every setting that a stack at Linode can have", () => {
    interface Form {
      properties?: Record<string, Form & { const?: string }>;
      oneOf?: Form[];
      additionalProperties?: Form | boolean;
    }
    const config = (stackSchema(root) as Form).properties?.config?.properties ?? {};
    const missing: string[] = [];
    const look = (form: Form, value: unknown, at: string): void => {
      if (value === undefined) {
        missing.push(at);
        return;
      }
      const kind = form.oneOf?.find(
        (one) => one.properties?.kind?.const === (value as { kind?: string }).kind,
      );
      const inner = kind ?? form;
      for (const [name, property] of Object.entries(inner.properties ?? {})) {
        look(property, (value as Record<string, unknown>)[name], `${at}.${name}`);
      }
      if (typeof inner.additionalProperties === "object") {
        for (const [name, each] of Object.entries(value as object))
          look(inner.additionalProperties, each, `${at}.${name}`);
      }
    };
    const given = configOf(file);
    for (const [name, form] of Object.entries(config)) {
      const text = given[name];
      look(form, text?.startsWith("{") ? JSON.parse(text) : text, name);
    }
    // Machines at Linode have no private IPv6; servers and support have no class of clients.
    expect(missing).toEqual([
      "hashistack:network.ipv6",
      "hashistack:groups.support.nodeClass",
      "hashistack:groups.control.nodeClass",
      // Each needs a secret of one's own, and what it asks to be there.
      "hashistack:auth",
      "hashistack:acme",
    ]);
  });
});

// After a change that is meant: npx vitest run --project unit test/unit/clouds --update
test("what the cloud is asked for, for a reviewer to read", async () => {
  await expect(resourceList(stack, "linode", file)).toMatchFileSnapshot("graphs/prod.txt");
});

test("the whole graph, for a reviewer to read", async () => {
  await expect(graphText(stack, file)).toMatchFileSnapshot("graphs/prod-graph.txt");
});

test("the first preview shows every resource, though nothing is known yet", async () => {
  const preview = await deploy(configOf(file), true, atLinode);
  expect(preview.resources.map(({ id }) => id)).toEqual(stack.resources.map(({ id }) => id));
});

test("what docs/linode.md says is made, for nine machines", () => {
  expect(counted("Instance", "Vpc", "VpcSubnet", "Firewall", "PlacementGroup", "DomainRecord")).toEqual([
    9, 1, 1, 3, 3, 8,
  ]);
  expect(of("linode.PlacementGroup").map(({ name }) => name)).toEqual(["control", "edge", "support"]);
});

test("support, the network and what trust rests on are protected; support and the servers are backed up", () => {
  expect(stack.resources.filter((one) => one.protect).map(({ id }) => id)).toEqual([
    "linode.Instance support-a",
    "linode.Vpc private",
    "linode.VpcSubnet private",
    "random.RandomPassword seed",
    ...["consul", "nomad", "site", "support", "vault"].map((service) => `tls.PrivateKey ${service}-root`),
    ...["consul", "nomad", "site", "support", "vault"].map((service) => `tls.SelfSignedCert ${service}-root`),
  ]);
  const backed = of("linode.Instance").filter(({ inputs }) => inputs.backupsEnabled);
  expect(backed.map(({ name }) => name)).toEqual(["control-a", "control-b", "control-c", "support-a"]);
});

test("sizes are the groups'", () => {
  const types = new Map(
    of("linode.Instance").map(({ name, inputs }) => [name.replace(/-.$/, ""), inputs.type]),
  );
  expect(Object.fromEntries(types)).toEqual({
    client: "g6-standard-2",
    control: "g6-standard-2",
    edge: "g6-standard-1",
    support: "g6-standard-1",
  });
});

test("what all machines share belongs to the cluster, what is a machine's to the machine", () => {
  for (const { id, kind, name, parent } of stack.resources) {
    if (!kind.startsWith("linode.") || kind === "linode.DomainRecord") continue;
    expect(parent, id).toBe(kind === "linode.Instance" ? `ClusterMachine ${name}` : "Cluster prod");
  }
});

test("support is reached by its public address, all others through it in the VPC", () => {
  interface Connection {
    host: string;
    proxy?: { host: string };
  }
  const connectionTo = (name: string) =>
    opened<Connection>(resourceOf(stack, `remote.Command ${name}-enrol`).inputs.connection);
  const { host } = connectionTo("support-a");
  expect(host).toMatch(/^192\.0\.2\./);
  for (const name of ["control-a", "client-a", "edge-a"]) {
    expect(connectionTo(name)).toMatchObject({ host: expect.stringMatching(/^10\.1\.0\./), proxy: { host } });
  }
});

test("no machine is spoken to before its firewall is there", () => {
  const before = ancestors(stack);
  for (const { name } of of("linode.Instance")) {
    const firewalls = [...(before.get(`remote.Command ${name}-enrol`) ?? [])].filter((id) =>
      id.startsWith("linode.Firewall"),
    );
    expect(firewalls, name).not.toEqual([]);
  }
});

test("an address is told after the site was seen at that very machine", () => {
  const before = ancestors(stack);
  const { input } = bundleOf(resourceOf(stack, "remote.Command site-answers"));
  const sites = input.sites as { name: string; address: string }[];
  expect(sites.map(({ name }) => name)).toEqual(["edge-a", "edge-b"]);
  for (const { name, address } of sites) {
    // Another machine has another address, so the proof is asked for anew before the record is changed.
    expect(address).toMatch(/^10\.1\.0\.\d+:443$/);
    for (const record of of("linode.DomainRecord").filter((one) => one.name.endsWith(name))) {
      expect([...(before.get(record.id) ?? [])], record.id).toEqual(
        expect.arrayContaining(["remote.Command site-answers", `linode.Instance ${name}`]),
      );
    }
  }
});

test("with egress nat only support and load balancers have a public interface; the others' plans lead them to support", async () => {
  const config = configOf(file);
  const cloud = { ...JSON.parse(config["hashistack:cloud"] ?? ""), egress: "nat", bootstrap: "stackscript" };
  const natted = await deploy({ ...config, "hashistack:cloud": JSON.stringify(cloud) }, false, atLinode);
  const machines = natted.resources.filter(({ kind }) => kind === "linode.Instance");
  expect(machines).toHaveLength(9);
  for (const { name, inputs } of machines) {
    const { interfaces } = opened<{ interfaces: { purpose: string }[] }>(inputs);
    const reached = /^(support|edge)-/.test(name);
    expect(
      interfaces.map(({ purpose }) => purpose),
      name,
    ).toEqual(reached ? ["public", "vpc"] : ["vpc"]);
    const plan = JSON.stringify(bundleOf(resourceOf(natted, `remote.Command ${name}-apply`)).input);
    expect(plan.includes("hashistack-egress.service"), name).toBe(!name.startsWith("edge-"));
    expect(plan.includes("/etc/firewalld/policies/"), name).toBe(name === "support-a");
  }
});

test("dashboards that are published open nothing at the cloud", async () => {
  const behind = await deploy(publishing(configOf(file)), false, atLinode);
  const filters = ({ resources }: Deployment) =>
    resources.filter(({ kind }) => kind === "linode.Firewall").map(({ id, inputs }) => [id, inputs]);
  expect(filters(behind)).toEqual(filters(stack));
  expect(filters(stack).length).toBeGreaterThan(2);
});

test("nothing of the stack's secrets is in what Linode can read, but the throw-away host key", () => {
  for (const { id, kind, inputs } of stack.resources) {
    if (!kind.startsWith("linode.")) continue;
    const { metadatas, ...others } = opened<Record<string, unknown>>(inputs);
    expect(JSON.stringify(others), id).not.toContain("canary");
    const told = (metadatas as [{ userData: string }] | undefined)?.[0].userData ?? "";
    const secrets =
      Buffer.from(told, "base64")
        .toString()
        .match(/canary-[a-z-]+/g) ?? [];
    for (const secret of secrets) expect(secret, id).toMatch(/^canary-openssh-[a-z-]+-first$/);
  }
});

test("a second cluster in the same account takes nothing of the first's", async () => {
  const { "hashistack:dns": _, ...without } = configOf(file);
  const words = ({ resources }: Deployment) =>
    resources.flatMap(({ kind, inputs }) =>
      kind.startsWith("linode.") ? [inputs.label, ...((inputs.tags as string[]) ?? [])].map(String) : [],
    );
  const second = words(await deploy({ ...without, "hashistack:name": "annex" }, false, atLinode));
  const first = new Set(words(stack));
  // Words that say what a machine is for, beside the tag that says whose it is.
  const kinds = [
    "support",
    "consul-server",
    "vault-server",
    "nomad-server",
    "nomad-client",
    "load-balancer",
    "egress-public",
  ];
  expect(new Set(second.filter((word) => first.has(word)))).toEqual(new Set(kinds));
  expect(second.filter((word) => word === "annex").length).toBeGreaterThan(9);
});
