import { expect, test } from "vitest";
import {
  type KnownMachine,
  machinesIn,
  pickMachines,
  quorumLost,
  replaceArgs,
  rotationIn,
  turnsOf,
} from "../../../cli/replace";

const urn = (types: string, name: string) => `urn:pulumi:dev::pulumi-hashistack::${types}::${name}`;
const parent = (name: string) => urn("pulumi-hashistack:index:ClusterMachine", name);
const suffix = (name: string) => ({
  urn: urn("pulumi-hashistack:index:ClusterMachine$random:index/randomId:RandomId", name),
  type: "random:index/randomId:RandomId",
  parent: parent(name),
  outputs: { hex: `dev-${name}-1f` },
});
const made = (name: string) => ({
  urn: urn("pulumi-hashistack:index:ClusterMachine$command:local:Command", name),
  type: "command:local:Command",
  parent: parent(name),
});
const stack = {
  urn: urn("pulumi:pulumi:Stack", "dev"),
  type: "pulumi:pulumi:Stack",
  outputs: { machines: { "client-a": { roles: ["nomad-client"] } } },
};

test("a state's machines are those with a name of their own in the cloud", () => {
  const before = { ...suffix("client-a"), outputs: { hex: "dev-client-a-00" }, delete: true };
  const cut = { ...made("client-b"), pendingReplacement: true };
  const other = { ...suffix("x"), parent: urn("other:index:Thing", "x") };
  expect(
    machinesIn([stack, suffix("client-a"), made("client-a"), before, suffix("client-b"), cut, other]),
  ).toEqual([
    {
      name: "client-a",
      cloudName: "dev-client-a-1f",
      urn: suffix("client-a").urn,
      roles: ["nomad-client"],
      madeHere: true,
    },
    expect.objectContaining({ name: "client-b", roles: [], madeHere: false }),
  ]);
});

const machine = (name: string, ...roles: string[]): KnownMachine => ({
  ...{ name, cloudName: `dev-${name}-1f`, urn: suffix(name).urn, roles, madeHere: true },
});
const servers = ["consul-server", "vault-server", "nomad-server"];
const [a, b, c] = ["a", "b", "c"].map((key) => machine(`control-${key}`, ...servers)) as [
  KnownMachine,
  KnownMachine,
  KnownMachine,
];
const support = machine("support-a", "support");
const clients = [machine("client-a", "nomad-client"), machine("edge-a", "nomad-client")];

test("support goes first, then one server after the other, then all others together", () => {
  expect(turnsOf([...clients, b, a, support])).toEqual([
    { say: "Replacing support-a.", urns: [support.urn] },
    { say: "Replacing control-b.", urns: [b.urn] },
    { say: "Replacing control-a.", urns: [a.urn] },
    { say: "Replacing client-a, edge-a.", urns: clients.map(({ urn }) => urn) },
  ]);
  expect(turnsOf([])).toEqual([]);
  expect(replaceArgs(turnsOf([a])[0])).toEqual(["--replace", a.urn]);
  expect(replaceArgs(undefined)).toEqual([]);
});

test("a service's issuing authority is made anew by its key, its root's key stays", () => {
  const authority = "pulumi-hashistack:index:ServiceAuthority";
  const key = (name: string) => ({
    urn: urn(`${authority}$tls:index/privateKey:PrivateKey`, name),
    type: "tls:index/privateKey:PrivateKey",
    parent: urn(authority, name.split("-")[0] as string),
  });
  const keys = [key("consul-root"), key("consul-issuing"), key("site-issuing")];
  expect(rotationIn(keys, ["site", "consul", "site"]).urns).toEqual([keys[2]?.urn, keys[1]?.urn]);
  expect(() => rotationIn(keys, ["etcd"])).toThrow(
    '"etcd" has no issuing authority in this stack: consul, site',
  );
});

test("names are those of machines, or their beginnings", () => {
  expect(pickMachines([a, b, support], ["support", "control-b"])).toEqual([b, support]);
  expect(() => pickMachines([a, b], ["control"])).toThrow(
    '"control" could be several machines: control-a, control-b',
  );
});

test("one of three servers can be made anew, two of three are a quorum lost", () => {
  const known = [support, a, b, c, ...clients];
  expect(quorumLost(known, [a, support, ...clients])).toBeUndefined();
  expect(quorumLost(known, [a, b])).toBe(
    "control-a, control-b: lost for good, and with 2 of 3 consul servers its quorum, which alone can take in others. " +
      'What was in it is gone: "npx hashistack destroy", then begin anew',
  );
  expect(quorumLost([a, support], [support])).toBeUndefined();
});
