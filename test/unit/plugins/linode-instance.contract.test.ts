import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LinodeApi } from "../../../lab/linode";
import { plain, secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { INSTANCE } from "./linode-kinds";
import { admin, failing, providerConfig, startRecorder, startTarget, withPlugin } from "./linode-target";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";

const userData = Buffer.from("#cloud-config\nusers: []\nthe-host-key: very-secret\n").toString("base64");

describe("linode plugin: an instance", () => {
  let api: LinodeApi;
  let plugin: PluginUnderTest;
  let ask: ReturnType<typeof admin>;
  let subnetId: number;
  let groupId: number;
  let firewallId: number;

  beforeAll(async () => {
    api = await startTarget();
    ask = admin(api);
    plugin = await PluginUnderTest.start("linode", providerConfig(api));
    const idOf = async (path: string, body: Values) => (await ask("POST", path, body)).body.id as number;
    const vpc = await idOf("vpcs", { label: "machines", region: "us-east" });
    subnetId = await idOf(`vpcs/${vpc}/subnets`, { label: "machines", ipv4: "10.0.0.0/24" });
    groupId = await group("servers");
    firewallId = await idOf("networking/firewalls", {
      label: "machines",
      rules: { inbound: [], outbound: [], inbound_policy: "DROP", outbound_policy: "ACCEPT" },
    });
  });

  afterAll(async () => {
    await plugin?.stop();
    await api?.close();
  });

  const group = async (label: string) => {
    const type = { placement_group_type: "anti_affinity:local", placement_group_policy: "flexible" };
    return (await ask("POST", "placement/groups", { label, region: "us-east", ...type })).body.id as number;
  };

  let number = 10;
  const whole = (label: string, more: Values = {}): Values => {
    number += 1;
    return {
      label,
      region: "us-east",
      type: "g6-standard-1",
      image: "private/1",
      tags: ["cluster:dev", "group:control"],
      interfaces: [
        { purpose: "vpc", subnetId, primary: true, ipv4: { vpc: `10.0.0.${number}`, nat11: "any" } },
      ],
      metadatas: [{ userData: secret(userData) }],
      placementGroup: { id: groupId },
      firewallId,
      backupsEnabled: true,
      swapSize: 256,
      ...more,
    };
  };
  const shown = async (id: string) => (await ask("GET", `linode/instances/${id}`)).body;

  it("posts what the official provider posts, with a root password that nobody keeps", async () => {
    const recorder = await startRecorder(api);
    await withPlugin(recorder, async (another) => {
      const made = await another.make(INSTANCE, whole("as-posted"));
      const post = recorder.sent.find(({ method }) => method === "POST");
      expect(post?.path).toBe("/v4/linode/instances");
      const { root_pass, tags, ...body } = post?.body ?? {};
      // A set: its order is the provider's own.
      expect([...(tags as string[])].sort()).toEqual(["cluster:dev", "group:control"]);
      expect(body).toEqual({
        region: "us-east",
        type: "g6-standard-1",
        label: "as-posted",
        image: "private/1",
        interfaces: [
          {
            purpose: "vpc",
            subnet_id: subnetId,
            primary: true,
            ipv4: { vpc: `10.0.0.${number}`, nat_1_1: "any" },
          },
        ],
        metadata: { user_data: userData },
        placement_group: { id: groupId },
        firewall_id: firewallId,
        backups_enabled: true,
        swap_size: 256,
        booted: true,
      });
      expect(String(root_pass)).toMatch(/^[A-Za-z0-9+/=]{60,}$/);
      expect(JSON.stringify([made.properties, another.logs])).not.toContain(String(root_pass));
      await another.delete(INSTANCE, made);
    });
    recorder.close();
  });

  it("is running when it is made, and all its outputs are there", async () => {
    const made = await plugin.make(INSTANCE, whole("complete"));
    const view = await shown(made.id);
    expect(view).toMatchObject({ label: "complete", status: "running", has_user_data: true });
    const { properties } = made;
    expect(properties).toMatchObject({
      status: "running",
      booted: true,
      hasUserData: true,
      hostUuid: view.host_uuid,
      ipv4s: view.ipv4,
      ipv6: view.ipv6,
      ipAddress: (view.ipv4 as string[])[0],
      privateIp: false,
      lkeClusterId: 0,
      swapSize: 256,
      backupsEnabled: true,
      backups: [{ enabled: true, available: false, schedules: [{ day: "", window: "" }] }],
      specs: [{ memory: 2048, vcpus: 1 }],
      alerts: { io: 10_000, transferQuota: 80 },
      placementGroup: { id: groupId, label: "servers", placementGroupPolicy: "flexible" },
      configs: [{ kernel: "linode/grub2", rootDevice: "/dev/sda", runLevel: "default" }],
      disks: [{ filesystem: "ext4" }, { filesystem: "swap", size: 256 }],
    });
    const [one] = properties.interfaces as Values[];
    expect(one).toMatchObject({ purpose: "vpc", primary: true, active: true, subnetId });
    expect(one.ipv4).toEqual({ vpc: `10.0.0.${number}`, nat11: (view.ipv4 as string[])[0] });
    const devices = await ask("GET", `networking/firewalls/${firewallId}/devices`);
    expect(devices.body.data).toMatchObject([{ entity: { id: Number(made.id) } }]);

    expect(await plugin.diff(INSTANCE, made.id, properties, made.inputs, made.inputs)).toMatchObject({
      changed: false,
    });
    const read = await plugin.read(INSTANCE, made.id, properties, made.inputs);
    expect(read.inputs).toEqual(made.inputs);
    expect(plain(read.properties)).toEqual(plain(properties));
    await plugin.delete(INSTANCE, made);
  });

  it("has a public interface beside the private one", async () => {
    const interfaces = [
      { purpose: "public", primary: true },
      { purpose: "vpc", subnetId, ipv4: { vpc: "10.0.0.200" } },
    ];
    const made = await plugin.make(INSTANCE, whole("two-sided", { interfaces }));
    expect(made.properties.interfaces).toMatchObject([
      { purpose: "public", primary: true },
      { purpose: "vpc", primary: false, subnetId, ipv4: { vpc: "10.0.0.200" } },
    ]);
    const read = await plugin.read(INSTANCE, made.id, made.properties, made.inputs);
    expect(read.inputs).toEqual(made.inputs);
    const news = await plugin.checked(INSTANCE, { ...made.inputs, tags: ["more"] });
    expect(await plugin.update(INSTANCE, made, news)).toMatchObject({ tags: ["more"] });
    await plugin.delete(INSTANCE, made);
  });

  it("keeps secret user data secret", async () => {
    const made = await plugin.make(INSTANCE, whole("discreet"));
    const [{ userData: kept }] = plain(made.properties.metadatas) as Values[];
    expect(kept).toBe(userData);
    expect(secretIn((made.properties.metadatas as Values[])[0], "userData")).toBe(true);
    expect(JSON.stringify({ ...made.properties, metadatas: 0 })).not.toContain(userData);
    await plugin.delete(INSTANCE, made);
  });

  it("is changed in place: label, tags, backups, watchdog, placement group, power", async () => {
    const made = await plugin.make(INSTANCE, whole("before"));
    const other = await group("others");
    const change = {
      ...(plain(made.inputs) as Values),
      label: "after",
      tags: ["cluster:dev"],
      backupsEnabled: false,
      watchdogEnabled: false,
      placementGroup: { id: other },
      booted: false,
    };
    const news = await plugin.checked(INSTANCE, { ...change, metadatas: made.inputs.metadatas });
    const diff = await plugin.diff(INSTANCE, made.id, made.properties, made.inputs, news);
    expect(diff).toMatchObject({ changed: true, replaces: [] });
    const properties = await plugin.update(INSTANCE, made, news);
    expect(await shown(made.id)).toMatchObject({
      label: "after",
      tags: ["cluster:dev"],
      status: "offline",
      watchdog_enabled: false,
      backups: { enabled: false },
      placement_group: { id: other },
    });
    expect(properties).toMatchObject({
      status: "offline",
      booted: false,
      placementGroup: { label: "others" },
    });

    const { booted: _booted, placementGroup: _group, ...less } = news;
    const on = await plugin.update(
      INSTANCE,
      { ...made, properties, inputs: news },
      { ...less, booted: true },
    );
    expect(on).toMatchObject({ status: "running" });
    expect((await shown(made.id)).placement_group).toBeNull();
    await plugin.delete(INSTANCE, made);
  });

  it("says nothing of power where the program says nothing, and keeps what it does not mention", async () => {
    const made = await plugin.make(INSTANCE, whole("unsaid"));
    const { label: _label, backupsEnabled: _backups, swapSize: _swap, tags: _tags, ...less } = made.inputs;
    const news = await plugin.checked(INSTANCE, { ...less, tags: ["GROUP:control", "cluster:dev"] });
    const diff = await plugin.diff(INSTANCE, made.id, made.properties, made.inputs, news);
    expect(diff.changed).toBe(false);
    await ask("POST", `linode/instances/${made.id}/shutdown`);
    const later = { ...news, watchdogEnabled: false };
    const properties = await plugin.update(INSTANCE, made, later);
    expect(properties).toMatchObject({ label: "unsaid", backupsEnabled: true, swapSize: 256 });
    expect((await shown(made.id)).status).not.toBe("running");
    await plugin.delete(INSTANCE, { ...made, properties });
  });

  it("is replaced where the official provider replaces, and nowhere else", async () => {
    const made = await plugin.make(INSTANCE, whole("replaced"));
    const changes: [Values, string[]][] = [
      [{ image: "linode/debian12" }, ["image"]],
      [{ metadatas: [{ userData: Buffer.from("other").toString("base64") }] }, ["metadatas"]],
      [{ firewallId: firewallId + 1 }, ["firewallId"]],
      [{ authorizedKeys: ["ssh-ed25519 AAAA"] }, ["authorizedKeys"]],
      [{ diskEncryption: "disabled" }, ["diskEncryption"]],
      [{ label: "renamed" }, []],
      [{ region: "eu-central" }, []],
      [{ type: "g6-standard-2" }, []],
      [{ interfaces: [{ purpose: "public" }] }, []],
    ];
    for (const [change, replaces] of changes) {
      const news = await plugin.checked(INSTANCE, { ...made.inputs, ...change });
      const diff = await plugin.diff(INSTANCE, made.id, made.properties, made.inputs, news);
      expect([Object.keys(change), diff.changed]).toEqual([Object.keys(change), true]);
      expect(diff.replaces.map((path) => path.split(/[.[]/)[0])).toEqual(replaces);
    }
    await plugin.delete(INSTANCE, made);
  });

  it("refuses at apply what the official provider does in place with the instance off", async () => {
    if (plugin.official) return;
    const made = await plugin.make(INSTANCE, whole("in-place"));
    for (const change of [
      { region: "eu-central" },
      { type: "g6-standard-2" },
      { interfaces: [{ purpose: "public" }] },
      { privateIp: true },
      { swapSize: 512 },
    ]) {
      const news = await plugin.checked(INSTANCE, { ...made.inputs, ...change });
      const [name] = Object.keys(change);
      expect(await failing(plugin.update(INSTANCE, made, news))).toMatch(
        new RegExp(`instance ${made.id}: .* put ${name} in replaceOnChanges or ignoreChanges`),
      );
    }
    expect(await shown(made.id)).toMatchObject({
      region: "us-east",
      type: "g6-standard-1",
      status: "running",
    });
    await plugin.delete(INSTANCE, made);
  });

  it("is gone when it is deleted, and what is gone already is no error", async () => {
    const made = await plugin.make(INSTANCE, whole("deleted"));
    await plugin.delete(INSTANCE, made);
    expect((await ask("GET", `linode/instances/${made.id}`)).status).toBe(404);
    expect((await plugin.read(INSTANCE, made.id, made.properties, made.inputs)).id).toBe("");
    // The official plugin fails here.
    if (!plugin.official) await plugin.delete(INSTANCE, made);
  });

  it("sees what was changed behind its back", async () => {
    const made = await plugin.make(INSTANCE, whole("watched"));
    await ask("PUT", `linode/instances/${made.id}`, { label: "renamed-by-hand", tags: ["by-hand"] });
    const read = await plugin.read(INSTANCE, made.id, made.properties, made.inputs);
    expect(read.inputs).toMatchObject({ label: "renamed-by-hand", tags: ["by-hand"] });
    expect(read.inputs).toMatchObject({ image: "private/1", metadatas: made.inputs.metadatas });
    const diff = await plugin.diff(INSTANCE, made.id, read.properties, read.inputs, made.inputs);
    expect(diff).toMatchObject({ changed: true, replaces: [] });
    await plugin.delete(INSTANCE, made);
  });

  it("previews: unknown before it is made, known when it is changed", async () => {
    const calls = () => [...api.state.calls.values()].reduce((sum, one) => sum + one, 0);
    const made = await plugin.make(INSTANCE, whole("previewed"));
    const before = calls();
    const inputs = await plugin.checked(INSTANCE, { ...made.inputs, label: UNKNOWN });
    const create = await plugin.create(INSTANCE, inputs, { preview: true });
    for (const name of ["ipAddress", "ipv4s", "ipv6", "status"]) {
      expect(typeof plain(create.properties[name])).toBe("string");
    }
    const news = await plugin.checked(INSTANCE, { ...made.inputs, tags: ["more"] });
    const update = await plugin.update(INSTANCE, made, news, { preview: true });
    expect(update).toMatchObject({ ipAddress: made.properties.ipAddress, tags: ["more"] });
    expect(calls()).toBe(before);
    await plugin.delete(INSTANCE, made);
  });

  it("previews an address in the VPC that nobody asked for: unknown, and what it is when it is there", async () => {
    const interfaces = [
      { purpose: "public", primary: true },
      { purpose: "vpc", subnetId },
    ];
    const inputs = await plugin.checked(INSTANCE, whole("addressed", { interfaces }));
    const preview = await plugin.create(INSTANCE, inputs, { preview: true });
    const addressOf = (properties: Values) => {
      const [, inside] = plain(properties.interfaces) as { ipv4?: { vpc?: string } }[];
      return inside.ipv4?.vpc;
    };
    const unknown =
      plain(preview.properties.interfaces) === UNKNOWN || addressOf(preview.properties) === UNKNOWN;
    expect(unknown).toBe(true);
    const made = { inputs, ...(await plugin.create(INSTANCE, inputs)) };
    expect(addressOf(made.properties)).toMatch(/^10\.0\.0\.\d+$/);
    const news = await plugin.checked(INSTANCE, { ...inputs, tags: ["more"] });
    const update = await plugin.update(INSTANCE, made, news, { preview: true });
    expect(addressOf(update)).toBe(addressOf(made.properties));
    expect(update.placementGroup).toEqual(made.properties.placementGroup);
    await plugin.delete(INSTANCE, made);
  });

  it.each<[string, Values, RegExp]>([
    ["what nobody knows", { surprise: 1 }, /surprise/],
    ["a label too long", { label: "a".repeat(51) }, /label/],
    ["interfaces without an image", { image: undefined }, /interfaces needs image/],
    [
      "an unknown part of an interface",
      { interfaces: [{ purpose: "vpc", ipv6: {} }] },
      /interfaces\[0\]\.ipv6/,
    ],
    ["a purpose that is none", { interfaces: [{ purpose: "private" }] }, /purpose must be one of/],
    ["disks of the program's own", { disks: [{ label: "a", size: 1 }] }, /disks: this stand-in/],
    ["a root password", { rootPass: "0123456789ab" }, /rootPass/],
  ])("refuses %s, by name", async (_what, change, words) => {
    if (plugin.official) return;
    const inputs = Object.fromEntries(
      Object.entries({ ...whole("refused"), ...change }).filter(([, value]) => value !== undefined),
    );
    const { failures } = await plugin.check(INSTANCE, inputs);
    expect(failures.map(({ reason }) => reason).join("; ")).toMatch(words);
  });
});
