import { describe, expect, test } from "vitest";
import { addressesOf } from "../../../lab/machines/addresses.js";
import {
  labCables,
  listens,
  machineCable,
  machineLines,
  nspawnArgv,
  outsiderLines,
  overlayOptions,
  routerLines,
  routerRules,
} from "../../../lab/machines/commands.js";

const network = { ipv4: "10.9.0.0/24", ipv6: "fd09::/64" };

describe("arguments", () => {
  test("a disk's layers lie under its own, the last one highest", () => {
    expect(overlayOptions(["/c/debian", "/c/programs"], "/m/upper", "/m/work")).toBe(
      "lowerdir=/c/programs:/c/debian,upperdir=/m/upper,workdir=/m/work",
    );
  });

  test("a path may have what parts options", () => {
    expect(overlayOptions(["/a:b,c\\d"], "/u", "/w")).toBe("lowerdir=/a\\:b\\,c\\\\d,upperdir=/u,workdir=/w");
  });

  test("a machine cannot set the host's clock, load modules or touch its ports", () => {
    const argv = nspawnArgv("hs1", "control-a", "/m/root");
    expect(argv).toContain("--directory=/m/root");
    expect(argv).toContain("--network-namespace-path=/run/netns/hs1.m.control-a");
    const dropped = argv
      .find((arg) => arg.startsWith("--drop-capability="))
      ?.split("=")[1]
      .split(",");
    expect(dropped).toEqual(expect.arrayContaining(["CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"]));
    expect(argv.at(-1)).toBe("/sbin/lab-init");
  });

  test("every end of every cable is made inside a namespace, under a name the kernel takes", () => {
    const cables = [...labCables("hs1"), machineCable("hs1", "control-a", 244, "02:1a:b0:00:00:fe")];
    for (const cable of cables) {
      const words = cable.split(" ");
      expect(words.filter((word) => word === "netns")).toHaveLength(2);
      expect(words.slice(words.indexOf("netns") + 1)[0]).toMatch(/^hs1\./);
      expect(words.at(-1)).toBe("hs1.router");
      expect(words[words.indexOf("name") + 1].length).toBeLessThanOrEqual(15);
    }
  });

  test("a private machine has private addresses and the router as its way out", () => {
    expect(machineLines(addressesOf(1, network, 1, false), network)).toEqual([
      "link set lo up",
      "addr add 10.9.0.11/24 dev eth0",
      "addr add fd09::11/64 dev eth0 nodad",
      "link set eth0 up",
      "route add default via 10.9.0.1",
      "route add default via fd09::1",
    ]);
  });

  test("a public machine speaks to the outside from its public addresses", () => {
    const lines = machineLines(addressesOf(1, network, 1, true), network);
    expect(lines).toContain("addr add 203.0.113.11/32 dev eth0");
    expect(lines).toContain("route add default via 10.9.0.1 src 203.0.113.11");
    expect(lines).toContain("route add default via fd09::1 src fd00:1ab:77::11");
  });

  test("the router has the machines' gateway and both public prefixes on one bridge", () => {
    const lines = routerLines(network);
    expect(lines).toContain("addr add 10.9.0.1/24 dev lab0");
    expect(lines).toContain("route add 203.0.113.0/24 dev lab0 src 10.9.0.1");
    expect(lines).toContain("route add fd00:1ab:77::/64 dev lab0 src fd09::1");
  });

  test("from outside only public prefixes are reached, and only by outside addresses", () => {
    const fromOutside = routerRules()
      .split("\n")
      .filter((line) => line.includes('iifname "out0" oifname "lab0"') && line.includes("accept"));
    expect(fromOutside).toHaveLength(2);
    expect(fromOutside[0]).toContain("ip saddr 192.0.2.0/24 ip daddr 203.0.113.0/24");
    expect(fromOutside[1]).toContain("ip6 saddr fd00:1ab:ff::/64 ip6 daddr fd00:1ab:77::/64");
    expect(routerRules()).toContain("hook forward priority filter; policy drop;");
  });

  test("who is outside has both families", () => {
    expect(outsiderLines({ ipv4: "192.0.2.66", ipv6: "fd00:1ab:ff::66" })).toContain(
      "addr add fd00:1ab:ff::66/64 dev eth0 nodad",
    );
  });
});

test("a listener is found by address, port and state", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue",
    "   0: 0B024D7F:0016 00000000:0000 0A 00000000:00000000",
    "   1: 0C024D7F:01BB 0100007F:8888 01 00000000:00000000",
  ].join("\n");
  expect(listens(table, 22, "127.77.2.11")).toBe(true);
  expect(listens(table, 23, "127.77.2.11")).toBe(false);
  expect(listens(table, 443, "127.77.2.12")).toBe(false);
});

test("a listener is found by its port alone, of either family", () => {
  const table = [
    "  sl  local_address                         remote_address                        st tx_queue rx_queue",
    "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000",
    "   1: 00000000000000000000000001000000:1016 00000000000000000000000000000000:0000 01 00000000:00000000",
  ].join("\n");
  expect([22, 0x1016, 6].map((port) => listens(table, port))).toEqual([true, false, false]);
});
