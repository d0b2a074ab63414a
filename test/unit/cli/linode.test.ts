import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinodeApi, removeStrays } from "../../../cli/linode";
import type { StateResource } from "../../../cli/replace";
import { type Exported, unfinishedAmong, without } from "../../../cli/strays";
import { type LinodeApi as Emulated, startLinodeApi } from "../../../lab/linode";
import { leftOver } from "../../../lab/linode/admin";

/** What a cut run left at Linode, on the emulated API. */

let emulated: Emulated;
beforeAll(async () => {
  emulated = await startLinodeApi({ paceMs: 1 });
});
afterAll(() => emulated.close());

const ours = "prod-control-a-0a1b2c3d";
const stranger = "prod-control-a-deadbeef";
const urn = (type: string, name: string) => `urn:pulumi:prod::hashistack::${type}::${name}`;
const machineName = {
  urn: urn("random:index/randomId:RandomId", "control-a"),
  type: "random:index/randomId:RandomId",
  id: "x",
  outputs: { hex: ours },
};
const state = (parts: Partial<NonNullable<Exported["deployment"]>>): Exported => ({
  deployment: { resources: [machineName], ...parts },
});
const begun = (kind: string, inputs: Record<string, unknown>) => {
  const type = `linode:index/${kind}:${kind[0]?.toUpperCase()}${kind.slice(1)}`;
  return { type: "creating", resource: { urn: urn(type, "private"), type, inputs } };
};

async function post<T extends { id: number }>(path: string, body: object): Promise<T> {
  const response = await fetch(`${emulated.url}/v4/${path}`, {
    method: "POST",
    headers: { authorization: "Bearer rehearsal", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer as T;
}

const machine = (label: string) =>
  post("linode/instances", {
    label,
    region: "nl-ams",
    type: "g6-standard-1",
    image: "private/1",
    root_pass: "Kq7-mortar-Lantern-19",
  });
const api = (config = {}, env: NodeJS.ProcessEnv = {}) =>
  LinodeApi.from({ "linode:url": { value: emulated.url }, ...config }, { LINODE_TOKEN: "rehearsal", ...env });

describe("what is left at Linode", () => {
  it("a machine with a name that this state made, and an id that it does not know, is deleted; no other", async () => {
    await machine(ours);
    await machine(stranger);
    expect(await removeStrays(api(), state({}))).toEqual([
      `Deleted machine ${ours} at Linode: an earlier run had made it, and the state did not know of it.`,
    ]);
    expect(leftOver(emulated.state).instances).toEqual([stranger]);
    expect(await removeStrays(api(), state({}))).toEqual([]);
  });

  it("a machine that the state knows stays", async () => {
    const { id } = await machine(ours);
    const type = "linode:index/instance:Instance";
    const known = { urn: urn(type, "control-a"), type, id: String(id) };
    expect(await removeStrays(api(), state({ resources: [machineName, known] }))).toEqual([]);
    expect(leftOver(emulated.state).instances).toContain(ours);
  });

  it("a VPC that a cut create had begun goes, and one that is in use or was not begun stays", async () => {
    const subnet = { label: "one-private", ipv4: "10.1.0.0/24" };
    await post("vpcs", { label: "begun", region: "nl-ams" });
    await post("vpcs", { label: "used", region: "nl-ams", subnets: [subnet] });
    await post("vpcs", { label: "other", region: "nl-ams" });
    const pending = ["begun", "used"].map((label) => begun("vpc", { label, region: "nl-ams" }));
    expect(await removeStrays(api(), state({ resources: [], pending_operations: pending }))).toEqual([
      "Deleted VPC begun at Linode: an earlier run had made it, and the state did not know of it.",
    ]);
    expect(leftOver(emulated.state).vpcs).toEqual(["used", "other"]);
  });

  it("a record that a cut create had begun goes, the domain's others stay", async () => {
    const { id } = await post("domains", {
      domain: "example.org",
      type: "master",
      soa_email: "a@example.org",
    });
    const mine = { name: "www", type: "A", target: "192.0.2.7" };
    await post(`domains/${id}/records`, mine);
    await post(`domains/${id}/records`, { ...mine, target: "192.0.2.8" });
    const inputs = { domainId: id, name: "www", recordType: "A", target: "192.0.2.7" };
    const said = await removeStrays(
      api(),
      state({ resources: [], pending_operations: [begun("domainRecord", inputs)] }),
    );
    expect(said).toEqual([expect.stringContaining("record www A 192.0.2.7")]);
    expect(leftOver(emulated.state).records).toEqual(["www.example.org A 192.0.2.8"]);
  });

  it("without a token it says which one is missing", () => {
    expect(() => api({}, { LINODE_TOKEN: undefined })).toThrow(/set LINODE_TOKEN/);
  });

  it("what the API refuses is said with its own words, and never with the token", async () => {
    const refused = removeStrays(api({ "linode:token": { value: "wrong-token" } }), state({}));
    await expect(refused).rejects.toThrow("Linode, GET linode/instances: answered 401, Invalid Token");
    await expect(refused).rejects.not.toThrow("wrong-token");
  });
});

describe("machines that never were enrolled", () => {
  const component = "pulumi-hashistack:index:ClusterMachine";
  const inside = (type: string, name: string, machineName = name) => ({
    urn: urn(`${component}$${type}`, name),
    type,
    parent: urn(component, machineName),
  });
  const instance = (name: string, id: string) => ({ ...inside("linode:index/instance:Instance", name), id });
  const enrolment = (name: string, id: string) => ({
    ...inside("command:remote:Command", `${name}-enrol`, name),
    id: "x",
    inputs: { triggers: [id] },
  });
  const names = (resources: readonly StateResource[]) => resources.map(({ id }) => id);
  const deployed = (...resources: object[]): Exported => ({
    deployment: { resources: resources as StateResource[] },
  });

  it("are those whose id no enrolment names, be it their predecessor's", () => {
    const state = deployed(
      instance("client-a", "1"),
      enrolment("client-a", "1"),
      instance("client-b", "2"),
      instance("control-a", "4"),
      { ...instance("control-a", "3"), delete: true },
      enrolment("control-a", "3"),
      // Somebody's own, in the same program.
      {
        urn: urn("linode:index/instance:Instance", "mine"),
        type: "linode:index/instance:Instance",
        id: "5",
        parent: urn("pulumi:pulumi:Stack", "prod"),
      },
    );
    expect(names(unfinishedAmong(state))).toEqual(["2", "4"]);
  });

  it("are none whose enrolment cannot be read: a machine that may be in use is left alone", () => {
    const sealed = {
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      ciphertext: "v1:x",
    };
    for (const inputs of [{ triggers: sealed }, { triggers: [sealed] }, {}, undefined]) {
      const state = deployed(instance("support-a", "1"), { ...enrolment("support-a", "1"), inputs });
      expect(names(unfinishedAmong(state))).toEqual([]);
    }
  });

  it("are taken out of the state, and nothing points at them any more", () => {
    const gone = instance("client-b", "2");
    const kept = instance("client-a", "1");
    const state = deployed(kept, gone, {
      urn: "x",
      type: "command:remote:Command",
      id: "9",
      dependencies: [kept.urn, gone.urn],
      propertyDependencies: { stdin: [gone.urn], connection: [kept.urn], nothing: null },
      deletedWith: gone.urn,
    });
    const unfinished = unfinishedAmong(state).filter(({ id }) => id === "2");
    expect(without(state, unfinished).deployment?.resources).toEqual([
      kept,
      {
        urn: "x",
        type: "command:remote:Command",
        id: "9",
        dependencies: [kept.urn],
        propertyDependencies: { stdin: [], connection: [kept.urn], nothing: null },
      },
    ]);
  });

  it("leave what points at a predecessor that has their name", () => {
    const [successor, old] = [instance("control-a", "4"), { ...instance("control-a", "3"), delete: true }];
    const apply = { urn: "x", type: "command:remote:Command", id: "9", dependencies: [old.urn] };
    const state = deployed(successor, old, apply);
    expect(without(state, unfinishedAmong(state)).deployment?.resources).toEqual([old, apply]);
  });
});
