import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ThoughtMachines } from "../../../lab/linode/index";
import { type Account, plain, startAccount, untilStatus } from "./support";

let account: Account;
let machines: ThoughtMachines;

beforeEach(async () => {
  machines = new ThoughtMachines();
  account = await startAccount({ machines });
});
afterEach(() => account.close());

const reasons = async (method: string, path: string, body?: unknown): Promise<string[]> => {
  const answer = await account.ask(method, path, body);
  return answer.status === 400
    ? answer.body.errors.map(({ field, reason }: Record<string, string>) => `${field ?? ""}: ${reason}`)
    : [`${answer.status}`];
};

const rule = (change: object = {}) => ({
  action: "ACCEPT",
  label: "world",
  protocol: "TCP",
  ports: "80, 443",
  addresses: { ipv4: ["0.0.0.0/0"], ipv6: ["::/0"] },
  ...change,
});

const firewall = (label: string, inbound: object[] = [rule()], rest: object = {}) => ({
  label,
  rules: { inbound, inbound_policy: "DROP", outbound: [], outbound_policy: "ACCEPT" },
  ...rest,
});

describe("a firewall", () => {
  it("filters whom it is put before, by its present rules, while it is enabled", async () => {
    const made = await account.ask("POST", "/networking/firewalls", firewall("edge"));
    expect(made.body).toMatchObject({ status: "enabled", rules: { version: 1 } });
    const path = `/networking/firewalls/${made.body.id}`;
    const { body } = await account.ask("POST", "/linode/instances", {
      ...plain("edge-a"),
      firewall_id: made.body.id,
    });
    expect(machines.filters).toMatchObject([
      {
        addresses: { ipv4: body.ipv4[0] },
        inbound: { policy: "DROP", rules: [{ protocol: "TCP", ports: "80, 443", ipv4: ["0.0.0.0/0"] }] },
      },
    ]);
    await account.ask("PUT", `${path}/rules`, firewall("edge", [rule({ ports: "22" })]).rules);
    expect(machines.filters[0].inbound.rules[0].ports).toBe("22");
    expect((await account.ask("GET", `${path}/rules`)).body.version).toBe(2);
    await account.ask("PUT", path, { status: "disabled" });
    expect(machines.filters).toEqual([]);
    await account.ask("PUT", path, { status: "enabled" });
    const devices = await account.ask("GET", `${path}/devices`);
    expect(devices.body.data[0].entity).toMatchObject({ id: body.id, type: "linode", label: "edge-a" });
    await account.ask("DELETE", `${path}/devices/${devices.body.data[0].id}`);
    expect(machines.filters).toEqual([]);
  });

  it("is the only one before an instance, and goes without it", async () => {
    const { body } = await account.ask("POST", "/linode/instances", plain("one"));
    const devices = { linodes: [body.id] };
    const first = await account.ask(
      "POST",
      "/networking/firewalls",
      firewall("first", [rule()], { devices }),
    );
    expect(await reasons("POST", "/networking/firewalls", firewall("second", [rule()], { devices }))).toEqual(
      ["devices.linodes: Linode one is already assigned to the firewall first."],
    );
    expect((await account.ask("GET", "/networking/firewalls")).body.results).toBe(1);
    await account.ask("DELETE", `/networking/firewalls/${first.body.id}`);
    expect(machines.filters).toEqual([]);
    expect((await account.ask("GET", `/linode/instances/${body.id}/firewalls`)).body.results).toBe(0);
  });

  it.each([
    ["26 rules", firewall("edge", Array(26).fill(rule())), "rules"],
    ["a label of two letters", firewall("ed"), "label"],
    ["a label of 33", firewall("e".repeat(33)), "label"],
    ["no policy", { label: "edge", rules: { inbound: [], outbound: [] } }, "rules.inbound_policy"],
    ["no ports", firewall("edge", [rule({ ports: undefined })]), "rules.inbound[0].ports"],
    ["ports for ICMP", firewall("edge", [rule({ protocol: "ICMP" })]), "rules.inbound[0].ports"],
    ["no addresses", firewall("edge", [rule({ addresses: {} })]), "rules.inbound[0].addresses"],
    [
      "an address that is none",
      firewall("edge", [rule({ addresses: { ipv4: ["everybody"] } })]),
      "rules.inbound[0].addresses.ipv4[0]",
    ],
    [
      "an address of the other family",
      firewall("edge", [rule({ addresses: { ipv4: ["::/0"] } })]),
      "rules.inbound[0].addresses",
    ],
    ["a rule's label of 33", firewall("edge", [rule({ label: "w".repeat(33) })]), "rules.inbound[0].label"],
    [
      "16 ports",
      firewall("edge", [rule({ ports: [...Array(16).keys()].map((one) => one + 1).join(",") })]),
      "rules.inbound[0].ports",
    ],
  ])("is refused with %s", async (_, body, field) => {
    expect((await reasons("POST", "/networking/firewalls", body))[0].split(": ")[0]).toBe(field);
  });
});

describe("a VPC", () => {
  const vpc = (subnets: object[], label = "tools") => ({ label, region: "de-fra-2", subnets });

  it("shows who is in its subnets, and does not go while somebody is", async () => {
    const made = await account.ask("POST", "/vpcs", vpc([{ label: "machines", ipv4: "10.20.0.0/24" }]));
    const [{ id: subnet }] = made.body.subnets;
    const { body } = await account.ask("POST", "/linode/instances", {
      ...plain("inside"),
      interfaces: [{ purpose: "vpc", subnet_id: subnet }],
    });
    const shown = await account.ask("GET", `/vpcs/${made.body.id}/subnets/${subnet}`);
    expect(shown.body.linodes).toMatchObject([{ id: body.id, interfaces: [{ active: true }] }]);
    const refusal = [": Cannot delete a subnet with Linodes in it: machines has 1."];
    expect(await reasons("DELETE", `/vpcs/${made.body.id}`)).toEqual(refusal);
    expect(await reasons("DELETE", `/vpcs/${made.body.id}/subnets/${subnet}`)).toEqual(refusal);
    await untilStatus(account, body.id, "running");
    await account.ask("DELETE", `/linode/instances/${body.id}`);
    await account.state.instances.get(body.id)?.last;
    expect((await account.ask("DELETE", `/vpcs/${made.body.id}`)).status).toBe(200);
    expect((await account.ask("GET", `/vpcs/${made.body.id}/subnets/${subnet}`)).status).toBe(404);
  });

  it.each([
    ["a public range", [{ label: "net", ipv4: "198.51.100.0/24" }], "subnets[0].ipv4"],
    ["Linode's own range", [{ label: "net", ipv4: "192.168.128.0/24" }], "subnets[0].ipv4"],
    ["bits behind the prefix", [{ label: "net", ipv4: "10.0.0.1/24" }], "subnets[0].ipv4"],
    ["no range", [{ label: "net" }], "subnets[0].ipv4"],
    [
      "two that overlap",
      [
        { label: "one", ipv4: "10.0.0.0/16" },
        { label: "two", ipv4: "10.0.1.0/24" },
      ],
      "subnets[1].ipv4",
    ],
    ["a label with a point", [{ label: "a.b", ipv4: "10.0.0.0/24" }], "subnets[0].label"],
  ])("is refused with %s", async (_, subnets, field) => {
    expect((await reasons("POST", "/vpcs", vpc(subnets)))[0].split(": ")[0]).toBe(field);
    expect((await account.ask("GET", "/vpcs")).body.results).toBe(0);
  });

  it("has a label of its own, and a region that has VPCs", async () => {
    await account.ask("POST", "/vpcs", vpc([]));
    expect(await reasons("POST", "/vpcs", vpc([]))).toEqual(["label: Label must be unique among your own."]);
    expect(await reasons("POST", "/vpcs", { label: "lean", region: "us-lean" })).toEqual([
      "region: VPCs are not available in this region.",
    ]);
  });
});

describe("a placement group", () => {
  const group = (label: string, rest: object = {}) => ({
    label,
    region: "de-fra-2",
    placement_group_type: "anti_affinity:local",
    placement_group_policy: "flexible",
    ...rest,
  });

  it("takes five instances of its region, each in one group, and goes when it is empty", async () => {
    const { body } = await account.ask("POST", "/placement/groups", group("servers"));
    const placement_group = { id: body.id };
    const ids: number[] = [];
    for (let number = 1; number <= 5; number++) {
      const made = await account.ask("POST", "/linode/instances", {
        ...plain(`server-${number}`),
        placement_group,
      });
      expect(made.body.placement_group).toMatchObject({ id: body.id, label: "servers" });
      ids.push(made.body.id);
    }
    expect(await reasons("POST", "/linode/instances", { ...plain("sixth"), placement_group })).toEqual([
      "placement_group.id: The placement group has 5 Linodes, and may not have more.",
    ]);
    expect(await reasons("DELETE", `/placement/groups/${body.id}`)).toHaveLength(1);
    await account.ask("POST", `/placement/groups/${body.id}/unassign`, { linodes: ids });
    expect((await account.ask("GET", `/placement/groups/${body.id}`)).body.members).toEqual([]);
    const other = await account.ask("POST", "/placement/groups", group("others"));
    const assigned = await account.ask("POST", `/placement/groups/${other.body.id}/assign`, {
      linodes: [ids[0]],
    });
    expect(assigned.body.members).toEqual([{ linode_id: ids[0], is_compliant: true }]);
    expect((await account.ask("DELETE", `/placement/groups/${body.id}`)).status).toBe(200);
    const far = { ...plain("far"), region: "us-east", placement_group: { id: other.body.id } };
    expect(await reasons("POST", "/linode/instances", far)).toEqual([
      "placement_group.id: The placement group is in de-fra-2, the instance in us-east.",
    ]);
  });

  it.each([
    ["a type that is none", { placement_group_type: "together" }, "placement_group_type"],
    ["no policy", { placement_group_policy: undefined }, "placement_group_policy"],
    ["a label of two letters", { label: "ab" }, "label"],
  ])("is refused with %s", async (_, wrong, field) => {
    expect((await reasons("POST", "/placement/groups", group("servers", wrong)))[0].split(": ")[0]).toBe(
      field,
    );
  });
});

describe("a domain", () => {
  const make = async (): Promise<string> => {
    const domain = { domain: "example.com", type: "master", soa_email: "admin@example.com" };
    return `/domains/${(await account.ask("POST", "/domains", domain)).body.id}`;
  };

  it("is found by its name, and keeps records with a lifetime that Linode knows", async () => {
    const path = await make();
    const found = await account.ask("GET", "/domains", undefined, { "x-filter": '{"domain":"example.com"}' });
    expect(found.body.data[0].id).toBe(Number(path.split("/")[2]));
    const record = await account.ask("POST", `${path}/records`, {
      type: "AAAA",
      name: "*.tools.example.com",
      target: "2001:db8::7",
      ttl_sec: 60,
    });
    expect(record.body).toMatchObject({ name: "*.tools", target: "2001:db8::7", ttl_sec: 120 });
    const changed = await account.ask("PUT", `${path}/records/${record.body.id}`, { target: "2001:db8::8" });
    expect(changed.body.target).toBe("2001:db8::8");
    expect((await account.ask("GET", "/lab/left")).body.records).toEqual([
      "*.tools.example.com AAAA 2001:db8::8",
    ]);
    await account.ask("DELETE", `${path}/records/${record.body.id}`);
    expect((await account.ask("GET", `${path}/records`)).body.results).toBe(0);
  });

  it("refuses what no record may be", async () => {
    const path = await make();
    const post = (body: object) => reasons("POST", `${path}/records`, body);
    expect(await post({ type: "AAAA", target: "2001:db8::7/128" })).toEqual([
      "target: Target must be an IPv6 address.",
    ]);
    expect(await post({ type: "A", target: "example.org" })).toEqual([
      "target: Target must be an IPv4 address.",
    ]);
    expect((await post({ type: "WKS", target: "x" }))[0]).toContain("type: ");
    expect(await post({ type: "A", name: "a b", target: "192.0.2.1" })).toEqual(["name: Invalid hostname."]);
    await account.ask("POST", `${path}/records`, { type: "A", name: "www", target: "192.0.2.1" });
    expect((await post({ type: "CNAME", name: "www", target: "example.org" }))[0]).toContain("name: A CNAME");
    const twice = { domain: "example.com", type: "master", soa_email: "admin@example.com" };
    expect(await reasons("POST", "/domains", twice)).toEqual(["domain: DNS zone already exists."]);
  });
});
