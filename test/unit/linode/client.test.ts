import { createRequire } from "node:module";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, eventually, startAccount } from "./support";

/** The emulator as Linode's own client library sees it, which checks what it sends by the same schemas. */

interface Answer {
  readonly id: number;
  readonly data: readonly Record<string, unknown>[];
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into is any JSON
  readonly [key: string]: any;
}
type Verb = (...args: unknown[]) => Promise<Answer>;
interface Interceptors<T> {
  use(change: (value: T) => T): number;
}
/** The library's typings do not resolve from CommonJS. */
type Library = { readonly [verb: string]: Verb } & {
  readonly baseRequest: {
    readonly interceptors: {
      readonly request: Interceptors<{ url?: string; headers: { Authorization?: string } }>;
    };
  };
};
const linode = createRequire(__filename)("@linode/api-v4") as Library;

let account: Account;

beforeAll(async () => {
  account = await startAccount();
  linode.baseRequest.interceptors.request.use((config) => {
    config.url = config.url?.replace("https://api.linode.com", account.url);
    config.headers.Authorization = "Bearer rehearsal";
    return config;
  });
});
afterAll(() => account.close());

describe("@linode/api-v4", () => {
  it("makes a network, a firewall, a group and an instance in them, reads all of it and takes it down", async () => {
    const region = "de-fra-2";
    const vpc = await linode.createVPC({
      label: "tools",
      region,
      subnets: [{ label: "machines", ipv4: "10.20.0.0/24" }],
    });
    const subnet = vpc.subnets[0];
    const firewall = await linode.createFirewall({
      label: "tools",
      rules: {
        inbound: [
          {
            action: "ACCEPT",
            label: "ssh",
            protocol: "TCP",
            ports: "22",
            addresses: { ipv4: ["192.0.2.10/32"] },
          },
        ],
        inbound_policy: "DROP",
        outbound_policy: "ACCEPT",
      },
    });
    const group = await linode.createPlacementGroup({
      label: "servers",
      region,
      placement_group_type: "anti_affinity:local",
      placement_group_policy: "flexible",
    });
    const made = await linode.createLinode({
      label: "tools-control-a-1f2e3d",
      region,
      type: "g6-standard-1",
      image: "private/1",
      root_pass: "correct horse battery staple",
      backups_enabled: true,
      tags: ["tools", "control"],
      firewall_id: firewall.id,
      placement_group: { id: group.id },
      metadata: { user_data: Buffer.from("#cloud-config\n{}\n").toString("base64") },
      interfaces: [
        { purpose: "public" },
        { purpose: "vpc", vpc_id: vpc.id, subnet_id: subnet.id, ipv4: { vpc: "10.20.0.2" } },
      ],
    });
    await eventually(
      "The instance",
      () => linode.getLinode(made.id),
      ({ status }) => status === "running",
    );
    expect(await linode.getLinode(made.id)).toMatchObject({
      tags: ["tools", "control"],
      backups: { enabled: true },
      placement_group: { id: group.id },
      specs: { vcpus: 1, memory: 2048 },
    });
    const [config] = (await linode.getLinodeConfigs(made.id)).data;
    expect(config.interfaces).toMatchObject([
      { purpose: "public" },
      { purpose: "vpc", ipv4: { vpc: "10.20.0.2" } },
    ]);
    expect((await linode.getLinodeDisks(made.id)).data).toHaveLength(2);
    expect((await linode.getLinodeIPs(made.id)).ipv4.vpc[0].address).toBe("10.20.0.2");
    expect((await linode.getLinodeFirewalls(made.id)).data[0].id).toBe(firewall.id);
    expect((await linode.getFirewallDevices(firewall.id)).data[0].entity).toMatchObject({ id: made.id });
    expect((await linode.getPlacementGroup(group.id)).members).toEqual([
      { linode_id: made.id, is_compliant: true },
    ]);
    expect((await linode.getSubnet(vpc.id, subnet.id)).linodes[0].id).toBe(made.id);
    expect((await linode.getTags()).data).toEqual([{ label: "control" }, { label: "tools" }]);
    const { data: events } = await linode.getEvents(
      {},
      { "entity.id": made.id, "+order_by": "id", "+order": "desc" },
    );
    expect(events.map(({ action }) => action)).toEqual(["linode_boot", "linode_create"]);

    await linode.updateLinode(made.id, { tags: ["tools"] });
    await linode.updateFirewallRules(firewall.id, { ...firewall.rules, inbound: [] });
    await linode.linodeReboot(made.id);
    await linode.deleteLinode(made.id);
    await eventually(
      "The deletion",
      () => linode.getLinodes(),
      ({ results }) => results === 0,
    );
    await linode.deleteFirewall(firewall.id);
    await linode.deletePlacementGroup(group.id);
    await linode.deleteVPC(vpc.id);
    expect(Object.values((await account.ask("GET", "/lab/left")).body).flat()).toEqual([]);
  });

  it("keeps a domain and its records", async () => {
    const domain = await linode.createDomain({
      domain: "example.com",
      type: "master",
      soa_email: "admin@example.com",
    });
    const record = await linode.createDomainRecord(domain.id, { type: "A", name: "*", target: "192.0.2.1" });
    await linode.updateDomainRecord(domain.id, record.id, { target: "192.0.2.2", ttl_sec: 300 });
    expect((await linode.getDomainRecords(domain.id)).data).toMatchObject([
      { name: "*", target: "192.0.2.2" },
    ]);
    await linode.deleteDomainRecord(domain.id, record.id);
    await linode.deleteDomain(domain.id);
    expect((await linode.getDomains()).data).toEqual([]);
  });

  it("reads what is on offer, and a refusal in Linode's form", async () => {
    expect((await linode.getRegions()).data[0]).toMatchObject({ id: "de-fra-2", status: "ok" });
    expect(await linode.getType("g6-nanode-1")).toMatchObject({ price: { monthly: 5 } });
    expect(await linode.getImage("private/1")).toMatchObject({ capabilities: ["cloud-init"] });
    expect((await linode.getProfile()).username).toBe("rehearsal");
    // The library turns the body's errors into what it rejects with.
    await expect(linode.getLinode(7)).rejects.toMatchObject({
      response: { status: 404, data: { errors: [{ reason: "Not found" }] } },
    });
    await expect(linode.updateLinode(7, { label: "x" })).rejects.toEqual([
      { field: "label", reason: "Label must contain between 3 and 64 characters." },
    ]);
  });
});
