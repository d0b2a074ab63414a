import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Fault, LinodeApi } from "../../../lab/linode";
import { secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { FIREWALL, INSTANCE, VPC } from "./linode-kinds";
import { admin, failing, providerConfig, startTarget, TOKEN, withPlugin } from "./linode-target";
import { type CallError, PluginUnderTest, type Values } from "./plugin-under-test";

const INSTANCES = "POST /linode/instances";

describe("linode plugin when Linode falters", () => {
  let api: LinodeApi;
  let plugin: PluginUnderTest;
  let ask: ReturnType<typeof admin>;

  beforeAll(async () => {
    api = await startTarget();
    ask = admin(api);
    plugin = await PluginUnderTest.start("linode", providerConfig(api));
  });

  afterEach(() => api.state.faults.clear());

  afterAll(async () => {
    await plugin?.stop();
    await api?.close();
  });

  const fault = (one: Fault) => api.state.faults.add(one);
  const asked = (route: string) => api.state.calls.get(route) ?? 0;
  const vpc = (label: string) => ({ label, region: "us-east" });
  const machine = (label: string, more: Values = {}) => ({
    label,
    region: "us-east",
    type: "g6-nanode-1",
    image: "private/1",
    ...more,
  });

  /** The error of what must fail, with what was made all the same. */
  const errorOf = async (work: Promise<unknown>): Promise<CallError> =>
    work.then(
      () => {
        throw new Error("it did not fail");
      },
      (error: CallError) => error,
    );

  it.each([429, 503, 408])("tries again after %s", async (status) => {
    const before = asked("POST /vpcs");
    fault({ on: "POST /vpcs", status, times: 2 });
    const made = await plugin.make(VPC, vpc(`again-${status}`));
    expect(asked("POST /vpcs") - before).toBe(3);
    await plugin.delete(VPC, made);
  });

  it("waits as long as Retry-After says", async () => {
    await withPlugin(
      api,
      async (another) => {
        fault({ on: "POST /vpcs", status: 429, retryAfter: 1 });
        const started = performance.now();
        const made = await another.make(VPC, vpc("patient"));
        expect(performance.now() - started).toBeGreaterThanOrEqual(990);
        await another.delete(VPC, made);
      },
      { maxRetryDelayMs: "5000" },
    );
  });

  it("waits while a machine is busy", async () => {
    const made = await plugin.make(INSTANCE, machine("busy"));
    await ask("POST", `linode/instances/${made.id}/reboot`);
    await plugin.delete(INSTANCE, made);
    expect((await ask("GET", `linode/instances/${made.id}`)).status).toBe(404);
  });

  it("asks for an instance's addresses again after a 500", async () => {
    fault({ on: "GET /linode/instances/:linodeId/ips", status: 500, times: 2 });
    const made = await plugin.make(INSTANCE, machine("addresses"));
    expect(made.properties.ipAddress).toMatch(/^203\.0\.113\./);
    await plugin.delete(INSTANCE, made);
  });

  it("does not try again what Linode refuses for good, and says Linode's words with the field", async () => {
    const before = asked("POST /vpcs");
    const made = await plugin.make(VPC, vpc("taken"));
    const message = await failing(plugin.make(VPC, vpc("taken")));
    expect(message).toMatch(/label/);
    expect(message).toMatch(/must be unique/i);
    if (!plugin.official) expect(message).toMatch(/^Linode refused POST \/v4\/vpcs: 400, label: /);
    expect(asked("POST /vpcs") - before).toBe(2);
    await plugin.delete(VPC, made);
  });

  it("names all fields that are wrong", async () => {
    const message = await failing(plugin.make(INSTANCE, machine("wrong", { type: "g9", region: "moon" })));
    expect(message).toMatch(/region/);
    const broken = { ...machine("wrong"), metadatas: [{ userData: secret("no base64 but a secret text") }] };
    const other = await failing(plugin.make(INSTANCE, broken));
    expect(other).toMatch(/metadata\.user_data/);
    expect(other).not.toContain("secret text");
    expect(other).not.toContain(TOKEN);
  });

  it("knows nothing of an instance whose creation was answered by 500, as the official plugin does", async () => {
    fault({ on: INSTANCES, status: 500, done: true });
    const error = await errorOf(plugin.make(INSTANCE, machine("orphan")));
    expect(error.made).toBeUndefined();
    const left = [...api.state.instances.values()].map(({ view }) => view);
    expect(left.map(({ label }) => label)).toEqual(["orphan"]);
    if (!plugin.official) expect(error.message).toMatch(/500, .*"orphan" may exist all the same/);
    expect(await failing(plugin.make(INSTANCE, machine("orphan")))).toMatch(/must be unique/i);
    await ask("DELETE", `linode/instances/${left[0].id}`);
  });

  it("keeps in the state an instance that does not run in time, and takes it up again", async () => {
    const slow = (more: Values = {}) => machine("slow", { interfaces: [{ purpose: "public" }], ...more });
    fault({ on: INSTANCES, instance: "slow", slowMs: 2_500 });
    const error = await errorOf(plugin.make(INSTANCE, slow(), { timeout: 1 }));
    const [{ view }] = [...api.state.instances.values()].filter((one) => one.view.label === "slow");
    expect(error.made?.id).toBe(String(view.id));
    expect(error.made?.properties).toMatchObject({ label: "slow", image: "private/1" });
    if (!plugin.official) {
      expect(error.message).toMatch(
        /instance \d+ did not become running but is provisioning: timed out after 1 s/,
      );
    }
    const inputs = await plugin.checked(INSTANCE, slow());
    // Addresses are answered at once. What nobody has read yet is not known to a preview.
    const half = { id: String(view.id), properties: error.made?.properties ?? {}, inputs };
    const preview = await plugin.update(INSTANCE, half, inputs, { preview: true });
    expect(preview).toMatchObject({ ipAddress: view.ipv4[0], ipv4s: view.ipv4 });
    if (!plugin.official) {
      expect(preview).toMatchObject({ status: UNKNOWN, interfaces: [{ purpose: "public", id: UNKNOWN }] });
    }
    const old = { id: String(view.id), properties: error.made?.properties ?? {}, inputs };
    const properties = await plugin.update(
      INSTANCE,
      old,
      await plugin.checked(INSTANCE, slow({ tags: ["cluster:dev"] })),
    );
    expect(properties).toMatchObject({ label: "slow", tags: ["cluster:dev"], ipv4s: view.ipv4 });
    await plugin.delete(INSTANCE, { ...old, properties });
    expect(api.state.instances.has(view.id)).toBe(false);
  });

  it.each<Fault["instance"]>(["fails", "mute"])(
    "waits for an instance that %s no longer than it may",
    async (instance) => {
      // Whether one that is mute runs is not the API's to know.
      fault({ on: INSTANCES, instance });
      const making = plugin.make(INSTANCE, machine(`never-${instance}`), { timeout: 1 });
      if (instance === "fails") {
        const error = await errorOf(making);
        await plugin.delete(INSTANCE, { id: error.made?.id ?? "", properties: error.made?.properties ?? {} });
      } else {
        await plugin.delete(INSTANCE, await making);
      }
      expect(api.state.instances.size).toBe(0);
    },
  );

  it("waits for nothing when it is told so", async () => {
    await withPlugin(
      api,
      async (another) => {
        fault({ on: INSTANCES, instance: "slow", slowMs: 300 });
        const made = await another.make(INSTANCE, machine("unwatched"));
        expect(made.properties.status).toBe("provisioning");
        await plugin.delete(INSTANCE, made);
      },
      { skipInstanceReadyPoll: "true" },
    );
  });

  it("keeps in the state a firewall whose machines cannot be listed, and takes it up again", async () => {
    fault({ on: "GET /networking/firewalls/:firewallId/devices", status: 500 });
    const inputs = { label: "half-made", inboundPolicy: "DROP", outboundPolicy: "ACCEPT" };
    const error = await errorOf(plugin.make(FIREWALL, inputs));
    const [id] = [...api.state.firewalls.keys()];
    expect(error.made?.id).toBe(String(id));
    const old = { id: String(id), properties: error.made?.properties ?? {}, inputs };
    const properties = await plugin.update(FIREWALL, old, await plugin.checked(FIREWALL, inputs));
    expect(properties).toMatchObject({ status: "enabled", devices: [] });
    await plugin.delete(FIREWALL, { ...old, properties });
  });

  it("tells of a deletion that failed", async () => {
    const made = await plugin.make(INSTANCE, machine("stubborn"));
    fault({ on: "DELETE /linode/instances", status: 500 });
    expect(await failing(plugin.delete(INSTANCE, made))).toMatch(/Internal Server Error/);
    await plugin.delete(INSTANCE, made);
  });

  it("ends when the engine cancels", async () => {
    const another = await PluginUnderTest.start("linode", providerConfig(api));
    fault({ on: INSTANCES, instance: "slow", slowMs: 1_000 });
    const making = failing(another.make(INSTANCE, machine("cancelled")));
    await expect.poll(() => api.state.instances.size, { timeout: 5_000 }).toBe(1);
    await another.cancel();
    expect(await making).toMatch(/cancel/);
    await another.stop();
    const [id] = [...api.state.instances.keys()];
    await plugin.delete(INSTANCE, { id: String(id), properties: {} });
  });
});
