import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { mergePlans, PlanError } from "../../../components/provisioning/merge";
import { renderConsulClient } from "../../../components/roles/consul";
import { ConsulClient, type ConsulClientArgs } from "../../../components/roles/consul-client";
import type { Leaf } from "../../../components/roles/leaf";

/** A machine that joins a Consul of others, with a certificate that they made. */

const agent = {
  node: "web-1",
  datacenter: "theirs",
  version: "1.21.0",
  address: "198.51.100.9",
  servers: ["198.51.100.5"],
  gossipKey: "gossip",
  agentToken: "agent",
  dnsToken: "dns",
};
const given = { caPem: "their root\n", certificatePem: "a certificate\n", keyPem: "its key\n" };
const leaf: Leaf = {
  profile: "web-1",
  authKey: "00",
  commonName: "web-1",
  dnsNames: [],
  ipAddresses: [],
  caPem: "our root\n",
  issuingPem: "issuing\n",
};

test("it lies where one of our own would lie, and Consul takes a new one by reload", () => {
  const { files = [], directories = [], certificates } = renderConsulClient({ ...agent, given });
  const found = files.filter(({ path }) => path.startsWith("/etc/ssl/consul/"));
  expect(found.map(({ path, content, group, mode }) => [path, content, group, mode])).toEqual([
    ["/etc/ssl/consul/ca.pem", "their root\n", "consul", "0644"],
    ["/etc/ssl/consul/cert.pem", "a certificate\n", "consul", "0644"],
    ["/etc/ssl/consul/key.pem", "its key\n", "consul", "0640"],
  ]);
  for (const { notifies } of found) expect(notifies).toEqual([{ unit: "consul.service", action: "reload" }]);
  expect(directories.map(({ path }) => path)).toContain("/etc/ssl/consul");
  const { tls } = JSON.parse(files.find(({ path }) => path.endsWith("/agent.json"))?.content ?? "{}");
  expect(Object.values(tls.defaults)).toEqual(expect.arrayContaining(found.map(({ path }) => path)));
  expect(certificates).toEqual([]);
});

test("a plan without a signer is whole, unless a role asks for a certificate", () => {
  const frame = { machine: "web-a", hostname: "web-1" };
  const plan = mergePlans(frame, { consul: renderConsulClient({ ...agent, given }) });
  expect(plan.signer).toBeUndefined();
  expect(() => mergePlans(frame, { consul: renderConsulClient({ ...agent, leaf }) })).toThrow(
    new PlanError("web-a: the certificate in /etc/ssl/consul needs a signer, and there is none."),
  );
});

beforeAll(() => pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }));

test.each<[string, Partial<ConsulClientArgs>]>([
  ["none", {}],
  ["both", { leaf, given }],
])("%s of both kinds is refused", (_, certificate) => {
  expect(() => new ConsulClient("web-a", { ...agent, ...certificate })).toThrow(
    'ConsulClient web-a needs a certificate: either "leaf" or "given".',
  );
});
