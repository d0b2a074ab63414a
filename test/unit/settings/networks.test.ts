import { describe, expect, test } from "vitest";
import { goodSettings, problemsOf } from "./stack-files";

describe("networks", () => {
  const network = (change: object) => ({ ...goodSettings(), network: change });
  const admins = (...adminCidrs: string[]) => ({ ...goodSettings(), adminCidrs });
  test.each<[unknown, string]>([
    [network({ ipv6: "10.0.0.0/8" }), "network.ipv6: must be an IPv6 network; 10.0.0.0/8 is IPv4"],
    [
      network({ ipv4: "198.51.100.0/28" }),
      "network.ipv4: /28 has 16 addresses; 8 machines need 19, since a replaced machine stands beside the new one for a while",
    ],
    [network({ ipv4: "10.0.0.0/30" }), "network.ipv4: must have a prefix from /8 to /29, not /30"],
    [network({ ipv6: "fd00::/80" }), "network.ipv6: must have a prefix from /32 to /64, not /80"],
    [network({ ipv4: "10.0.0.1/24" }), "network.ipv4: has host bits set; the network is 10.0.0.0/24"],
    [network({ ipv4: "10.0.0.0/33" }), "network.ipv4: has a prefix longer than an IPv4 address: /33"],
    [network({ ipv4: "010.0.0.0/24" }), "network.ipv4: holds no valid address: 010.0.0.0"],
    [
      network({ ipv4: "10.0.0.0" }),
      "network.ipv4: must be a network such as 198.51.100.0/24 or fd00:1ab::/64",
    ],
    [
      network({ ipv4: "127.0.0.0/8" }),
      "network.ipv4: 127.0.0.0/8 is loopback space, which machines cannot use among themselves",
    ],
    [
      network({ ipv6: "fe80::/64" }),
      "network.ipv6: fe80::/64 is linkLocal space, which machines cannot use among themselves",
    ],
    [
      admins("0.0.0.0/0"),
      "adminCidrs[0]: 0.0.0.0/0 lets in most of the internet; name the administrators' own networks",
    ],
    [
      admins("::/0"),
      "adminCidrs[0]: ::/0 lets in most of the internet; name the administrators' own networks",
    ],
    [
      admins("128.0.0.0/1"),
      "adminCidrs[0]: 128.0.0.0/1 lets in most of the internet; name the administrators' own networks",
    ],
    [admins("203.0.113.7"), "adminCidrs[0]: must be a network such as 198.51.100.0/24 or fd00:1ab::/64"],
    [
      admins("203.0.113.7/32", "198.51.0.0/16"),
      "adminCidrs[1]: 198.51.0.0/16 overlaps network.ipv4: every machine of the cluster would be an administrator",
    ],
    [
      admins("fd00:1ab::7/128"),
      "adminCidrs[0]: fd00:1ab::7/128 overlaps network.ipv6: every machine of the cluster would be an administrator",
    ],
    [
      admins("203.0.113.0/24", "203.0.113.7/32"),
      "adminCidrs[1]: 203.0.113.7/32 overlaps 203.0.113.0/24, which is in the list already",
    ],
    [admins(), "adminCidrs: must name at least one network, or nobody can reach support"],
  ])("%j", (raw, problem) => {
    expect(problemsOf(raw)).toEqual([problem]);
  });
});
