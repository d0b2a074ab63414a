import { type Answer, decode, encode } from "dns-packet";
import { describe, expect, it } from "vitest";
import type { Zone } from "../../../lab/linode/admin";
import { answerTo } from "../../../lab/linode/dns";
import { machineName } from "../../../lab/linode/lab-machines";
import { routerFilter } from "../../../lab/linode/nft";

describe("the router's filter", () => {
  const vpc = { ipv4: "10.1.0.0/24", ipv6: "fd00:1ab::/64" };

  it("is one replacement, with a chain for each way of each machine", () => {
    const everybody = { ipv4: ["0.0.0.0/0"], ipv6: ["::/0"] };
    const text = routerFilter(
      [
        {
          addresses: { ipv4: "203.0.113.11", ipv6: "fd00:1ab:77::11" },
          vpc: "10.1.0.11",
          inbound: {
            policy: "DROP",
            rules: [
              {
                action: "ACCEPT",
                protocol: "TCP",
                ports: "22, 8000-8010",
                ipv4: ["192.0.2.10/32"],
                ipv6: [],
              },
              { action: "DROP", protocol: "ICMP", ports: "", ...everybody },
              { action: "ACCEPT", protocol: "ALL", ports: "", ipv4: ["10.0.0.0/8"], ipv6: [] },
            ],
          },
          outbound: { policy: "ACCEPT", rules: [] },
        },
      ],
      vpc,
    );
    expect(text).toMatchInlineSnapshot(`
      "table inet linode { }
      delete table inet linode
      table inet linode {
        chain in0 {
          ip saddr 192.0.2.10/32 tcp dport { 22, 8000-8010 } return
          ip saddr 0.0.0.0/0 meta l4proto { icmp, ipv6-icmp } drop
          ip6 saddr ::/0 meta l4proto { icmp, ipv6-icmp } drop
          ip saddr 10.0.0.0/8 return
          drop
        }
        chain out0 {
          return
        }
        chain forward {
          type filter hook forward priority filter - 10; policy accept;
          ct state established,related accept
          ip saddr 10.1.0.0/24 ip daddr != 10.1.0.0/24 ip saddr != { 10.1.0.11 } drop
          ip6 saddr fd00:1ab::/64 ip6 daddr != fd00:1ab::/64 drop
          ip saddr 203.0.113.11 jump out0
          ip6 saddr fd00:1ab:77::11 jump out0
          ip daddr 203.0.113.11 jump in0
          ip6 daddr fd00:1ab:77::11 jump in0
        }
        chain postrouting {
          type nat hook postrouting priority srcnat; policy accept;
          ip saddr 10.1.0.11 ip daddr != 10.1.0.0/24 snat ip to 203.0.113.11
        }
      }
      "
    `);
  });

  it("is empty where there is no firewall", () => {
    expect(routerFilter([], vpc)).not.toContain("jump");
  });
});

describe("an answer to a question for a name", () => {
  const record = (name: string, type: string, target: string) => ({
    name,
    type,
    target,
    ttl: 300,
    priority: 0,
  });
  const zones: Zone[] = [
    {
      domain: "example.com",
      email: "admin@example.com",
      ttl: 300,
      records: [
        record("", "A", "192.0.2.1"),
        record("", "A", "192.0.2.2"),
        record("*", "A", "192.0.2.3"),
        record("www", "CNAME", "example.com"),
        record("away", "CNAME", "example.org"),
        record("near", "CNAME", "notexample.com"),
        record("dotted", "CNAME", "www.example.com."),
        record("long", "TXT", "k".repeat(300)),
        record("deep.inside", "A", "192.0.2.4"),
        record("*.tools", "AAAA", "2001:db8::5"),
      ],
    },
    { domain: "lab.example.com", email: "", ttl: 300, records: [record("", "A", "192.0.2.9")] },
  ];
  const look = (name: string, type: "A" | "AAAA" | "SOA" = "A"): [number, unknown[]] => {
    const { flags = 0, answers = [] } = answerTo({ id: 7, questions: [{ name, type }] }, zones);
    const data = (answers as (Answer & { data?: unknown })[]).map((one) => one.data);
    return [flags & 15, data];
  };

  it.each([
    ["example.com", [0, ["192.0.2.1", "192.0.2.2"]]],
    ["EXAMPLE.com", [0, ["192.0.2.1", "192.0.2.2"]]],
    ["anything.example.com", [0, ["192.0.2.3"]]],
    ["www.example.com", [0, ["example.com", "192.0.2.1", "192.0.2.2"]]],
    ["away.example.com", [0, ["example.org"]]],
    ["near.example.com", [0, ["notexample.com"]]],
    ["dotted.example.com", [0, ["www.example.com", "example.com", "192.0.2.1", "192.0.2.2"]]],
    // It exists, for something is below it, and has no address.
    ["inside.example.com", [0, []]],
    ["other.inside.example.com", [3, []]],
    ["lab.example.com", [0, ["192.0.2.9"]]],
    ["no.lab.example.com", [3, []]],
    ["example.org", [5, []]],
    ["notexample.com", [5, []]],
  ])("%s", (name, wanted) => expect(look(name)).toEqual(wanted));

  it("has a long text in parts, as the wire wants it", () => {
    const asked = { id: 7, questions: [{ name: "long.example.com", type: "TXT" as const }] };
    const { answers = [] } = decode(encode(answerTo(asked, zones)));
    const [{ data }] = answers as { data: Buffer[] }[];
    expect(data.map(({ length }) => length)).toEqual([255, 45]);
  });

  it("is of the kind that is asked for", () => {
    expect(look("nomad.tools.example.com", "AAAA")).toEqual([0, ["2001:db8::5"]]);
    expect(look("nomad.tools.example.com")).toEqual([0, []]);
    expect(look("example.com", "SOA")[1]).toMatchObject([{ rname: "admin.example.com" }]);
  });
});

describe("a machine's name in the lab", () => {
  it("is the label where the lab takes it", () => {
    expect(machineName({ id: 7, label: "tools-edge-a-1f2e3d" })).toBe("tools-edge-a-1f2e3d");
    expect(machineName({ id: 7, label: "My.Linode" })).toBe("linode-7");
  });
});
