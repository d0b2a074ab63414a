import { expect, test } from "vitest";
import type { MachineSpec } from "../../../components/topology/model";
import { dev, separate } from "./fixture";

const line = (spec: MachineSpec) =>
  [spec.name, spec.roles.join("+"), spec.nodeClass ?? "-", spec.public ? "public" : "private"].join(" ");

test("the machines of dev", () => {
  expect(dev.topology.machines.map(line)).toEqual([
    "support-a support - public",
    "control-a consul-server+vault-server+nomad-server - private",
    "control-b consul-server+vault-server+nomad-server - private",
    "control-c consul-server+vault-server+nomad-server - private",
    "client-a nomad-client general private",
    "client-b nomad-client general private",
    "edge-a nomad-client load-balancer public",
    "edge-b nomad-client load-balancer public",
  ]);
});

test("servers on machines of their own: 3 + 3 + 3, one support, two clients, two load balancers", () => {
  const count = (group: string) => separate.topology.machines.filter((spec) => spec.group === group).length;
  expect(["consul", "vault", "nomad", "support", "client", "edge"].map(count)).toEqual([3, 3, 3, 1, 2, 2]);
  expect(separate.topology.machines).toHaveLength(14);
});
