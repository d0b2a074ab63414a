import { expect, test } from "vitest";
import {
  hostPort,
  memberAddress,
  memberAddresses,
  membersWith,
  nodeName,
  urlHost,
} from "../../../components/topology/members";
import { dev, member, separate } from "./fixture";

const namesWith = (cluster: typeof dev, role: Parameters<typeof membersWith>[0]) =>
  membersWith(role, cluster.members).map((one) => one.spec.name);

test("members by role, in the settings' order", () => {
  expect(namesWith(dev, "vault-server")).toEqual(["control-a", "control-b", "control-c"]);
  expect(namesWith(separate, "vault-server")).toEqual(["vault-a", "vault-b", "vault-c"]);
  expect(namesWith(dev, "nomad-client")).toEqual(["client-a", "client-b", "edge-a", "edge-b"]);
  expect(membersWith("support", dev.topology.machines).map((spec) => spec.name)).toEqual(["support-a"]);
});

test("addresses follow the family", () => {
  const control = member(dev, "control-a");
  expect(memberAddress(control, { network: { family: "ipv6" } })).toBe("fd00:1ab::3");
  expect(memberAddress(control, { network: { family: "ipv4" } })).toBe("198.51.100.3");
  expect([urlHost("fd00:1ab::3"), urlHost("198.51.100.3")]).toEqual(["[fd00:1ab::3]", "198.51.100.3"]);
  expect([hostPort("fd00:1ab::3", 8501), hostPort("localhost", 80)]).toEqual([
    "[fd00:1ab::3]:8501",
    "localhost:80",
  ]);
});

test("a private network of IPv4 alone", () => {
  const { privateIpv6: _, ...addresses } = member(dev, "control-a").addresses;
  const one = { ...member(dev, "control-a"), addresses };
  expect(memberAddresses(one)).toEqual(["198.51.100.3"]);
  expect(memberAddress(one, { network: { family: "ipv4" } })).toBe("198.51.100.3");
  expect(() => memberAddress(one, { network: { family: "ipv6" } })).toThrow(
    "control-a: its cloud gave it no private address of ipv6.",
  );
});

test("a machine and the one that replaces it are two nodes", () => {
  expect(nodeName(member(dev, "control-a"))).toBe("dev-control-a-abc00001");
});
