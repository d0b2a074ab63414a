import * as pulumi from "@pulumi/pulumi";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { LinodeApi, removeStrays, removeUnfinished } from "../../../cli/linode";
import type { Exported } from "../../../cli/strays";
import { LinodeCloud } from "../../../components/clouds/linode";
import { LinodeDns } from "../../../components/dns/linode";
import type { LinodeApi as Emulated } from "../../../lab/linode";
import { leftOver } from "../../../lab/linode/admin";
import { providerConfig, startTarget, TOKEN } from "../plugins/linode-target";
import { PluginUnderTest, type Values } from "../plugins/plugin-under-test";
import { support, web, worker } from "./requests";

/**
 * Several clusters in one account at Linode: made by the adapters themselves through the stand-in plugin, on the emulated
 * API. What one of them loses by a destroy or by a sweep after a cut run is its own alone, though its name begins as
 * another's.
 */

interface Made {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly properties: Values;
  readonly inputs: Values;
}

const instanceType = "linode:index/instance:Instance";
let emulated: Emulated;
let plugin: PluginUnderTest;
let made: Made[] = [];

beforeAll(async () => {
  emulated = await startTarget({ paceMs: 1 });
  plugin = await PluginUnderTest.start("linode", providerConfig(emulated));
  await ask("POST", "domains", { domain: "example.org", type: "master", soa_email: "a@example.org" });
  await pulumi.runtime.setMocks({
    newResource: async ({ type, name, inputs }) => {
      const one = await plugin.make(type, inputs as Values);
      made.push({ type, name, ...one });
      return { id: one.id, state: one.properties };
    },
    call: ({ token, inputs }) => plugin.invoke(token, inputs as Values),
  });
});
afterAll(async () => {
  await plugin?.stop();
  await emulated?.close();
});

async function ask(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${emulated.url}/v4/${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** A cluster of three machines with the records of its site. */
async function cluster(name: string): Promise<Made[]> {
  made = [];
  const cloud = new LinodeCloud({
    cluster: name,
    region: "nl-ams",
    image: "private/1",
    type: "g6-standard-1",
    ipv4: "10.1.0.0/24",
    adminCidrs: ["203.0.113.7/32"],
    backups: true,
    bootstrap: "stackscript",
  });
  const machines = [support, web("edge-a"), worker("client-a")].map((request) =>
    cloud.machine({ ...request, cloudName: `${name}-${request.name}-0a1b2c3d` }, {}),
  );
  const records = new LinodeDns("example.org", {}).addresses(
    "site-A",
    {
      host: name,
      type: "A",
      ttl: 300,
      addresses: [{ slot: "edge-a", address: (machines[1]?.publicIpv4 as pulumi.Output<string>) ?? "" }],
    },
    {},
  );
  const all = [...machines.map(({ resource }) => resource), ...records];
  await Promise.all(
    all.map(
      (one) =>
        new Promise((resolve) => pulumi.all([one.urn, (one as pulumi.CustomResource).id]).apply(resolve)),
    ),
  );
  return made;
}

/** What of the account bears a cluster's name: as a label, or as a record. */
function ofCluster(name: string): string[] {
  const { domains: _domains, ...things } = leftOver(emulated.state);
  return Object.entries(things)
    .flatMap(([kind, labels]) => labels.map((label) => `${kind} ${label}`))
    .filter((line) =>
      new RegExp(
        `^\\w+ ${name}(-(support|edge|client|admins|world|inside|first-contact)\\b.*|\\.example\\.org .*|)$`,
      ).test(line),
    )
    .sort();
}

const names = (machines: readonly Made[]) =>
  machines
    .filter(({ type }) => type === instanceType)
    .map(({ inputs }) => ({
      urn: `urn:pulumi:x::hashistack::random:index/randomId:RandomId::${inputs.label}`,
      type: "random:index/randomId:RandomId",
      id: "x",
      outputs: { hex: inputs.label },
    }));

/** A state that was lost to a cut: names are known, and all else was begun. */
const cut = (of: readonly Made[]): Exported => ({
  deployment: {
    resources: names(of),
    pending_operations: of.map(({ type, name, inputs }) => ({
      type: "creating",
      resource: {
        urn: `urn:pulumi:x::hashistack::${type}::${name}`,
        type,
        inputs: inputs as Record<string, unknown>,
      },
    })),
  },
});
const api = () => LinodeApi.from({ "linode:url": { value: emulated.url } }, { LINODE_TOKEN: TOKEN });

let others: Record<string, string[]>;
let dev: Made[];
beforeEach(async () => {
  dev = await cluster("dev");
  if (others === undefined) {
    for (const name of ["dev-two", "devel"]) await cluster(name);
    others = Object.fromEntries(["dev-two", "devel"].map((name) => [name, ofCluster(name)]));
  }
});

function expectOthersWhole(): void {
  for (const [name, things] of Object.entries(others)) {
    expect(things).toHaveLength(11);
    expect(ofCluster(name), name).toEqual(things);
  }
}

test("a destroy takes what is the cluster's own", async () => {
  expect(ofCluster("dev")).toHaveLength(11);
  for (const one of [...dev].reverse()) await plugin.delete(one.type, one);
  expect(ofCluster("dev")).toEqual([]);
  expectOthersWhole();
});

test("so does a sweep after a run that was cut at everything", async () => {
  await removeStrays(api(), cut(dev));
  // What holds others is swept when they are gone.
  await removeStrays(api(), cut(dev));
  await removeStrays(api(), cut(dev));
  expect(ofCluster("dev")).toEqual([]);
  expectOthersWhole();
});

test("and the removal of machines that never were enrolled", async () => {
  const component = "pulumi-hashistack:index:ClusterMachine";
  const resources = dev
    .filter(({ type }) => type === instanceType)
    .map(({ type, id, name }) => ({
      urn: `urn:pulumi:x::hashistack::${component}$${type}::${name}`,
      type,
      id,
      parent: `urn:pulumi:x::hashistack::${component}::${name}`,
    }));
  const { left, lines } = await removeUnfinished(api(), { deployment: { resources } });
  expect(lines).toHaveLength(3);
  expect(left?.deployment?.resources).toEqual([]);
  expect(ofCluster("dev").filter((line) => line.startsWith("instances"))).toEqual([]);
  expectOthersWhole();
});
