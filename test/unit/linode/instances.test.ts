import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ThoughtMachines } from "../../../lab/linode/index";
import { type Account, eventually, plain, startAccount, untilStatus } from "./support";

let account: Account;
let machines: ThoughtMachines;

beforeEach(async () => {
  machines = new ThoughtMachines();
  account = await startAccount({ machines });
});
afterEach(() => account.close());

const withSubnet = async (range = "10.20.0.0/24"): Promise<number> => {
  const label = `net-${range.split(".")[1]}`;
  const { body } = await account.ask("POST", "/vpcs", {
    label,
    region: "de-fra-2",
    subnets: [{ label: "machines", ipv4: range }],
  });
  return body.subnets[0].id;
};

const eventsOf = (id: number, action: string) =>
  account.ask("GET", "/account/events", undefined, {
    "x-filter": JSON.stringify({
      "entity.id": id,
      "entity.type": "linode",
      action,
      "+order_by": "created",
      "+order": "desc",
    }),
  });

describe("an instance", () => {
  it("is provisioned, boots and runs, and its events tell so", async () => {
    const { status, body } = await account.ask("POST", "/linode/instances", plain("tools-control-a-1f2e3d"));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "provisioning",
      ipv4: ["203.0.113.11"],
      ipv6: "2001:db8:77::11/128",
    });
    await untilStatus(account, body.id, "running");
    expect(machines.running.get(body.id)?.label).toBe("tools-control-a-1f2e3d");
    const booted = await eventsOf(body.id, "linode_boot");
    expect(booted.body.data).toHaveLength(1);
    const configs = await account.ask("GET", `/linode/instances/${body.id}/configs`);
    expect(booted.body.data[0].secondary_entity.id).toBe(configs.body.data[0].id);
    const disks = await account.ask("GET", `/linode/instances/${body.id}/disks`);
    expect(
      disks.body.data.map(({ filesystem, size }: Record<string, unknown>) => [filesystem, size]),
    ).toEqual([
      ["ext4", 25 * 1024 - 512],
      ["swap", 512],
    ]);
  });

  it("is there, being deleted, until its machine is gone; then its event is finished and its label is free", async () => {
    const { body } = await account.ask("POST", "/linode/instances", plain("goes-away"));
    await untilStatus(account, body.id, "running");
    expect((await account.ask("DELETE", `/linode/instances/${body.id}`)).status).toBe(200);
    const { body: events } = await eventually(
      "The end of the deletion",
      () => eventsOf(body.id, "linode_delete"),
      (answer) => answer.body.data[0]?.status === "finished",
    );
    expect(events.results).toBe(1);
    expect((await account.ask("GET", `/linode/instances/${body.id}`)).status).toBe(404);
    expect(machines.running.size).toBe(0);
    expect((await account.ask("POST", "/linode/instances", plain("goes-away"))).status).toBe(200);
  });

  it("is shut down, booted and rebooted, and refuses while it is busy", async () => {
    await account.ask("POST", "/lab/faults", { on: "POST /linode/instances", instance: "slow", slowMs: 200 });
    const { body } = await account.ask("POST", "/linode/instances", plain("powered"));
    const early = await account.ask("POST", `/linode/instances/${body.id}/reboot`);
    expect(early).toMatchObject({ status: 400, body: { errors: [{ reason: "Linode busy." }] } });
    await untilStatus(account, body.id, "running");
    await account.ask("POST", `/linode/instances/${body.id}/shutdown`);
    await untilStatus(account, body.id, "offline");
    expect(machines.running.size).toBe(0);
    await account.ask("POST", `/linode/instances/${body.id}/boot`);
    await untilStatus(account, body.id, "running");
    await account.ask("POST", `/linode/instances/${body.id}/reboot`);
    await untilStatus(account, body.id, "running");
    expect((await eventsOf(body.id, "linode_reboot")).body.results).toBe(1);
  });

  it("has an address in a subnet, the one it asks for or a free one, and NAT by its public one", async () => {
    const subnet = await withSubnet();
    const inVpc = (label: string, vpc?: string) => ({
      ...plain(label),
      interfaces: [
        { purpose: "public" },
        { purpose: "vpc", subnet_id: subnet, primary: true, ipv4: { ...(vpc && { vpc }), nat_1_1: "any" } },
      ],
    });
    const first = await account.ask("POST", "/linode/instances", inVpc("fixed", "10.20.0.2"));
    const second = await account.ask("POST", "/linode/instances", inVpc("free"));
    const addresses = async (id: number) =>
      (await account.ask("GET", `/linode/instances/${id}/ips`)).body.ipv4.vpc.map(
        ({ address, nat_1_1, subnet_id }: Record<string, unknown>) => [address, nat_1_1, subnet_id],
      );
    expect(await addresses(first.body.id)).toEqual([["10.20.0.2", "203.0.113.2", subnet]]);
    expect(await addresses(second.body.id)).toEqual([["10.20.0.11", "203.0.113.11", subnet]]);
    const { body: config } = await account.ask("GET", `/linode/instances/${first.body.id}/configs`);
    expect(config.data[0].interfaces).toHaveLength(2);
    const taken = await account.ask("POST", "/linode/instances", inVpc("late", "10.20.0.2"));
    expect(taken.body.errors[0].field).toBe("interfaces[1].ipv4.vpc");
    const reserved = await account.ask("POST", "/linode/instances", inVpc("first", "10.20.0.1"));
    expect(reserved.body.errors[0].reason).toContain("reserved");
    const foreign = await account.ask("POST", "/linode/instances", inVpc("away", "10.21.0.9"));
    expect(foreign.status).toBe(400);
  });

  it("hands user data to cloud-init, where region and image have it", async () => {
    const metadata = { user_data: Buffer.from("#cloud-config\n{}\n").toString("base64") };
    const { body } = await account.ask("POST", "/linode/instances", { ...plain("told"), metadata });
    expect(body.has_user_data).toBe(true);
    await untilStatus(account, body.id, "running");
    expect(machines.running.get(body.id)?.userData).toBe("#cloud-config\n{}\n");
    const old = await account.ask("POST", "/linode/instances", {
      ...plain("deaf"),
      image: "linode/debian11",
      metadata,
    });
    await untilStatus(account, old.body.id, "running");
    expect(machines.running.get(old.body.id)?.userData).toBeUndefined();
    const lean = await account.ask("POST", "/linode/instances", {
      ...plain("lean"),
      region: "us-lean",
      metadata,
    });
    expect(lean.body.errors[0].reason).toBe("Metadata is not available in this region.");
    const clear = await account.ask("POST", "/linode/instances", {
      ...plain("clear"),
      metadata: { user_data: "#cloud-config" },
    });
    expect(clear.body.errors[0].field).toBe("metadata.user_data");
  });

  it("is changed in label, tags and backups, and refuses what Linode refuses", async () => {
    const { body } = await account.ask("POST", "/linode/instances", {
      ...plain("before"),
      tags: ["one-tag"],
    });
    const path = `/linode/instances/${body.id}`;
    const changed = await account.ask("PUT", path, { label: "after", tags: ["two-tag"] });
    expect(changed.body).toMatchObject({ label: "after", tags: ["two-tag"] });
    expect((await account.ask("GET", "/tags")).body.data).toEqual([{ label: "two-tag" }]);
    await account.ask("POST", `${path}/backups/enable`);
    expect((await account.ask("GET", path)).body.backups.enabled).toBe(true);
    for (const [wrong, field] of [
      [{ label: "a--b" }, "label"],
      [{ label: "ab" }, "label"],
      [{ tags: ["no"] }, "tags"],
      [{ watchdog_enabled: "yes" }, "watchdog_enabled"],
    ] as const) {
      expect((await account.ask("PUT", path, wrong)).body.errors[0].field, JSON.stringify(wrong)).toBe(field);
    }
  });

  it.each([
    ["no type", { type: undefined }, "type"],
    ["an unknown region", { region: "mars" }, "region"],
    ["an unknown image", { image: "private/9" }, "image"],
    ["no password for an image", { root_pass: undefined }, "root_pass"],
    ["a firewall that is not", { firewall_id: 1 }, "firewall_id"],
    ["a placement group that is not", { placement_group: { id: 1 } }, "placement_group.id"],
    ["a subnet that is not", { interfaces: [{ purpose: "vpc", subnet_id: 1 }] }, "interfaces[0].vpc_id"],
    ["a number in quotes", { swap_size: "512" }, "swap_size"],
    ["two public interfaces", { interfaces: [{ purpose: "public" }, { purpose: "public" }] }, "interfaces"],
  ])("is refused with %s, and nothing of it stays", async (_, wrong, field) => {
    const { status, body } = await account.ask("POST", "/linode/instances", { ...plain("wrong"), ...wrong });
    expect([status, body.errors[0].field]).toEqual([400, field]);
    expect((await account.ask("GET", "/linode/instances")).body.results).toBe(0);
  });
});
