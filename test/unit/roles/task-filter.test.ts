import { describe, expect, test } from "vitest";
import { closedToTasks, renderTaskFilter, taskFilterFragment } from "../../../components/roles/task-filter";
import { portNumbers } from "../../../components/topology/ports";

const filter = {
  nodeClass: "general",
  networks: ["198.51.100.0/24", "fd00:1ab::/64"],
  others: ["fd00:1ab::12", "198.51.100.11", "fd00:1ab::11"],
};
const text = renderTaskFilter(filter);

describe("a client's table of tasks", () => {
  test("is made anew in one go, and made the first time too", () => {
    expect(text.split("\n").slice(0, 3)).toEqual([
      "table inet hashistack",
      "delete table inet hashistack",
      "table inet hashistack {",
    ]);
  });

  test("closes the metadata of both families, to all but root and Consul's agent", () => {
    expect(text).toContain("ip daddr { 169.254.169.254 } reject");
    expect(text).toMatch(/ip6 daddr \{[^}]*fd00:a9fe:a9fe::1[^}]*\} reject/);
    expect(text).toContain('meta skuid { "root", "consul" } accept\n    jump closed');
  });

  test("closes what a client's own daemons reach, and none of what tasks do", () => {
    expect([...closedToTasks].sort()).toEqual(
      [
        portNumbers.nomadRpc,
        portNumbers.tunnel,
        portNumbers.consulRpc,
        portNumbers.consulGossip,
        portNumbers.signer,
      ].sort(),
    );
    expect(text).toContain(
      "ip6 daddr { fd00:1ab::/64 } meta l4proto { tcp, udp } th dport { 4647, 4789, 8300, 8301, 8888 }",
    );
  });

  test("closes what is published, but for a load balancer's tasks: the ingress is one of them", () => {
    const published = ["nomad", "consul", "vault"] as const;
    expect(renderTaskFilter({ ...filter, published })).toBe(
      text.replaceAll("{ 4647, 4789, 8300, 8301, 8888 }", "{ 4646, 4647, 4789, 8300, 8301, 8501, 8888 }"),
    );
    expect(renderTaskFilter({ ...filter, published: ["consul"] })).toContain("8301, 8501, 8888 }");
    // Tasks read their secrets at Vault's.
    expect(renderTaskFilter({ ...filter, published: ["vault"] })).toBe(text);
    const balancer = { ...filter, nodeClass: "load-balancer" };
    expect(renderTaskFilter({ ...balancer, published })).toBe(renderTaskFilter(balancer));
  });

  test("lets the tunnel by which the machine goes out through, and nobody who is no kernel", () => {
    const through = renderTaskFilter({ ...filter, tunnel: true });
    const added = through.split("\n").filter((line) => !text.split("\n").includes(line));
    expect(added.map((line) => line.trim())).toEqual(["udp sport 4789 udp dport 4789 accept"]);
    // Of what it hands on for tasks in a network of their own, nothing passes.
    expect(through.split("chain forward")[1]).not.toContain("4789");
  });

  test("lets clients alone reach what is published; servers and support are named first", () => {
    const published = text.slice(text.indexOf("chain published"), text.indexOf("chain output"));
    expect(
      published
        .trim()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual([
      "chain published {",
      "ip saddr { 198.51.100.11 } drop",
      "ip6 saddr { fd00:1ab::11, fd00:1ab::12 } drop",
      "ip saddr { 198.51.100.0/24 } meta l4proto { tcp, udp } ct original proto-dst 20000-32000 return",
      "ip6 saddr { fd00:1ab::/64 } meta l4proto { tcp, udp } ct original proto-dst 20000-32000 return",
      "drop",
      "}",
    ]);
  });

  test("on a load balancer lets everybody reach a published site, and nothing more", () => {
    const rule = "meta l4proto tcp ct original proto-dst { 80, 443 } return";
    expect(renderTaskFilter({ ...filter, nodeClass: "load-balancer" })).toContain(rule);
    expect(text).not.toContain("{ 80, 443 }");
  });

  test("is the same text whatever the order of addresses, and has no rule for a family that there is not", () => {
    expect(renderTaskFilter({ ...filter, others: [...filter.others].reverse() })).toBe(text);
    const ipv4 = renderTaskFilter({ ...filter, networks: ["10.0.0.0/8"], others: ["10.0.0.1"] });
    expect(ipv4.match(/ip6/g)).toHaveLength(1);
  });

  test("is there before Nomad starts a task, and is read again when it has changed", () => {
    const { files, units } = taskFilterFragment(filter);
    expect(units[0]?.content).toMatch(/^Before=nomad\.service$/m);
    expect(files[0]?.notifies).toEqual([{ unit: "hashistack-tasks.service", action: "reload" }]);
  });
});
