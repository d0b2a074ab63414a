import { describe, expect, test } from "vitest";
import {
  addressesOf,
  freeIndex,
  freeLoopback,
  hostAddress,
  networkProblem,
  roomOf,
} from "../../../lab/machines/addresses.js";

const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };

describe("addresses of machines", () => {
  test("the first private machine", () => {
    expect(addressesOf(1, network, 3, false)).toEqual({
      privateIpv4: "198.51.100.11",
      privateIpv6: "fd00:1ab::11",
      mac: "02:1a:b0:00:00:0b",
    });
  });

  test("a public machine has an address in each public prefix and one on the host's loopback", () => {
    expect(addressesOf(90, network, 3, true)).toEqual({
      privateIpv4: "198.51.100.100",
      privateIpv6: "fd00:1ab::100",
      publicIpv4: "203.0.113.100",
      publicIpv6: "fd00:1ab:77::100",
      forwardAddress: "127.77.3.100",
      mac: "02:1a:b0:00:00:64",
    });
  });

  test("no two machines of a full lab share an address", () => {
    const all = Array.from({ length: roomOf(network) }, (_, i) =>
      Object.values(addressesOf(i + 1, network, 1, true)),
    );
    expect(new Set(all.flat()).size).toBe(all.length * 6);
  });

  test("a host number goes into the prefix's last bits", () => {
    expect(hostAddress("10.0.0.64/26", 11)).toBe("10.0.0.75");
    expect(hostAddress("fd12:3:4:5::/64", 254)).toBe("fd12:3:4:5::254");
  });
});

describe("allotment", () => {
  test("the next free index is taken; one that was given back rests until all others had their turn", () => {
    expect(freeIndex(new Set(), network)).toBe(1);
    expect(freeIndex(new Set([1, 3]), network, 1)).toBe(2);
    expect(freeIndex(new Set([1, 3]), network, 3)).toBe(4);
    expect(freeIndex(new Set([1]), network, roomOf(network))).toBe(2);
  });

  test("a /27 has room for 20 machines, a /24 for 244", () => {
    expect(roomOf({ ...network, ipv4: "10.0.0.0/27" })).toBe(20);
    expect(roomOf(network)).toBe(244);
    expect(roomOf({ ...network, ipv4: "10.0.0.0/8" })).toBe(244);
  });

  test("a full network says so", () => {
    const small = { ...network, ipv4: "10.0.0.0/27" };
    const taken = new Set(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(() => freeIndex(taken, small)).toThrow(
      "The lab's network 10.0.0.0/27 has room for 20 machines, and all are taken.",
    );
  });

  test("labs of one host get loopback ranges of their own", () => {
    expect(freeLoopback(new Set([1, 2, 4]))).toBe(3);
    expect(() => freeLoopback(new Set(Array.from({ length: 254 }, (_, i) => i + 1)))).toThrow(
      "254 loopback ranges",
    );
  });
});

describe("networks", () => {
  test.each([
    [{ ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" }, undefined],
    [
      { ipv4: "198.51.100.0", ipv6: "fd00:1ab::/64" },
      'network.ipv4 must be a network like "198.51.100.0/24", not "198.51.100.0".',
    ],
    [{ ipv4: "fd00::/64", ipv6: "fd00:1ab::/64" }, 'network.ipv4 must be an IPv4 network, not "fd00::/64".'],
    [
      { ipv4: "10.0.0.0/28", ipv6: "fd00:1ab::/64" },
      'network.ipv4 must be a /8 to a /27, not "10.0.0.0/28".',
    ],
    [
      { ipv4: "10.0.0.1/24", ipv6: "fd00:1ab::/64" },
      'network.ipv4 has bits set behind its prefix: "10.0.0.1/24".',
    ],
    [
      { ipv4: "203.0.0.0/16", ipv6: "fd00:1ab::/64" },
      "network.ipv4 overlaps 203.0.113.0/24, which is the lab's own.",
    ],
    [
      { ipv4: "10.0.0.0/24", ipv6: "fd00:1ab::/32" },
      "network.ipv6 overlaps fd00:1ab:77::/64, which is the lab's own.",
    ],
    [
      { ipv4: "10.0.0.0/24", ipv6: "fd00:1ab::/96" },
      'network.ipv6 must be a /16 to a /64, not "fd00:1ab::/96".',
    ],
  ])("%j", (asked, problem) => {
    expect(networkProblem(asked)).toBe(problem);
  });
});
