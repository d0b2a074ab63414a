import { randomBytes } from "node:crypto";
import { CreateLinodeSchema, UpdateLinodeSchema } from "@linode/validation";
import { regions, types } from "../catalog.js";
import { ApiError, refuse } from "../errors.js";
import type { Fault } from "../faults.js";
import { applyFilters, attach, detach } from "../filters.js";
import { assertIdle, enqueue, entityOf, note, pause } from "../jobs.js";
import { list } from "../lists.js";
import { configOf, disksOf, readInterfaces } from "../parts.js";
import { join, leave } from "../placement.js";
import type { Call, Route } from "../router.js";
import {
  assertFree,
  find,
  type Instance,
  imagesOf,
  nextId,
  now,
  readTags,
  type State,
  subnetOf,
  textAt,
} from "../state.js";
import type { Event, Linode } from "../types.js";
import { validate } from "../validate.js";
import { deployment } from "./stackscripts.js";

/** https://techdocs.akamai.com/linode-api/reference/post-linode-instance: 3 to 64, no two of "-_." in a row. */
const labelPattern = /^[a-zA-Z0-9]((?!--|__|\.\.)[a-zA-Z0-9-_.])+[a-zA-Z0-9]$/;

/** Largest user data before it is encoded. */
const userDataLimit = 16_384;

/** Numbers that are given to machines which ask for none: those below are the gateway's and for those that do. */
const [firstFree, lastFree] = [11, 253];

export const instanceOf = ({ state, params }: Call): Instance => find(state.instances, params.linodeId);

function labelOf(state: State, label: string, own?: Instance): string {
  if (label.length < 3 || label.length > 64 || !labelPattern.test(label)) {
    refuse(
      "Label must be between 3 and 64 characters, begin and end with a letter or digit, and have no two of -_. in a row.",
      "label",
    );
  }
  const others = [...state.instances.values()].filter((other) => other !== own);
  assertFree(
    others.map(({ view }) => view.label),
    label,
  );
  return label;
}

/** Creates an instance; `fault` is one that somebody asked for. */
export async function create(call: Call, fault?: Fault): Promise<Linode> {
  const { state, machines, body } = call;
  if (body.interface_generation === "linode")
    refuse("The emulated account has legacy configuration interfaces only.", "interface_generation");
  validate(CreateLinodeSchema, forSchema(state, body));
  const region = regions.find(({ id }) => id === body.region) ?? refuse("region is not valid", "region");
  const type =
    types.find(({ id }) => id === body.type) ?? refuse("A valid plan type by that ID was not found", "type");
  const image = body.image
    ? (imagesOf(state).find(({ id }) => id === body.image) ?? refuse("image is not valid", "image"))
    : undefined;
  if (image?.status === "creating") refuse("image is not available yet", "image");
  const id = nextId();
  const label = labelOf(state, textAt(body, "label") ?? `linode${id}`);
  const tags = readTags(body.tags);
  const userData = userDataOf(body);
  if (userData !== undefined && !region.capabilities.includes("Metadata"))
    refuse("Metadata is not available in this region.", "metadata");
  if (typeof body.stackscript_id === "number" && !region.capabilities.includes("StackScripts"))
    refuse("StackScripts are not available in this region.", "stackscript_id");
  const host = freeHost(call);
  const addresses = machines.addresses(host);
  const interfaces = readInterfaces(state, region, body.interfaces, addresses.ipv4, host);
  const vpc = interfaces.find(({ purpose }) => purpose === "vpc");
  const time = now();
  const view: Linode = {
    id,
    label,
    region: region.id,
    type: type.id,
    image: image?.id ?? null,
    status: "provisioning",
    created: time,
    updated: time,
    group: "",
    tags,
    ipv4: [addresses.ipv4],
    ipv6: `${addresses.ipv6}/128`,
    hypervisor: "kvm",
    host_uuid: randomBytes(20).toString("hex"),
    has_user_data: userData !== undefined,
    watchdog_enabled: true,
    interface_generation: "legacy_config",
    disk_encryption: body.disk_encryption === "disabled" ? "disabled" : "enabled",
    lke_cluster_id: null,
    locks: [],
    capabilities: [],
    maintenance_policy: null,
    placement_group: null,
    site_type: "core",
    alerts: { cpu: 90 * type.vcpus, io: 10_000, network_in: 10, network_out: 10, transfer_quota: 80 },
    backups: {
      enabled: body.backups_enabled === true,
      available: false,
      last_successful: null,
      schedule: { day: null, window: null },
    },
    specs: {
      disk: type.disk,
      memory: type.memory,
      vcpus: type.vcpus,
      transfer: type.transfer,
      gpus: 0,
      accelerated_devices: 0,
    },
  };
  const disks = image ? disksOf(image.label, type.disk, body.swap_size) : [];
  const instance: Instance = {
    view,
    disks,
    configs: image ? [configOf(image.label, disks, interfaces)] : [],
    order: {
      id,
      label,
      host,
      public:
        interfaces.length === 0 || interfaces.some((one) => one.purpose === "public" || one.ipv4?.nat_1_1),
      vpc: vpc && { address: vpc.ipv4?.vpc ?? "", range: subnetOf(state, vpc.subnet_id)?.subnet.ipv4 ?? "" },
      // An image without cloud-init takes user data and does nothing with it.
      userData: image?.capabilities.includes("cloud-init") ? userData : undefined,
      deployment: deployment(state, body, image?.id),
      image: image?.id,
      rootKeys: Array.isArray(body.authorized_keys) ? body.authorized_keys.map(String) : [],
    },
    mute: fault?.instance === "mute",
    last: Promise.resolve(),
  };
  const group = body.placement_group as { id: number } | undefined | null;
  if (group) join(state, instance, group.id);
  state.instances.set(id, instance);
  try {
    if (typeof body.firewall_id === "number") attach(state, body.firewall_id, id, "firewall_id");
    await applyFilters(call);
  } catch (error) {
    forget(state, instance);
    throw error;
  }
  provision(call, instance, image !== undefined && body.booted !== false, fault);
  return view;
}

/**
 * The body as the schema wants it, where the API is content with less: a VPC's id beside its subnet's, which the provider
 * does not send (helper.ExpandConfigInterface), and a password beside keys (linode_api4, groups/linode.py).
 */
function forSchema(state: State, body: Call["body"]): unknown {
  const keys = [body.authorized_keys, body.authorized_users].some(
    (list) => Array.isArray(list) && list.length > 0,
  );
  const password = keys ? { root_pass: "no password, but keys" } : {};
  if (!Array.isArray(body.interfaces)) return { ...password, ...body };
  const interfaces = body.interfaces.map((one: Record<string, unknown>) => {
    if (one?.purpose !== "vpc") return one;
    // Nor does the API want `ipv4`: any address will do then.
    return { vpc_id: subnetOf(state, Number(one.subnet_id))?.vpc.id, ipv4: {}, ...one };
  });
  return { ...password, ...body, interfaces };
}

function userDataOf(body: Call["body"]): string | undefined {
  const encoded = (body.metadata as { user_data?: string | null } | undefined | null)?.user_data;
  if (!encoded) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== encoded.replace(/=+$/, ""))
    refuse("user_data must be base64-encoded.", "metadata.user_data");
  if (bytes.length > userDataLimit)
    refuse(`user_data must not exceed ${userDataLimit} bytes.`, "metadata.user_data");
  return bytes.toString("utf8");
}

/** The number that its address in the VPC asks for, where nobody has it; else the lowest free one. */
function freeHost({ state, body }: Call): number {
  const taken = new Set([...state.instances.values()].map(({ order }) => order.host));
  for (const one of Array.isArray(body.interfaces) ? body.interfaces : []) {
    const asked = Number(/\.(\d+)$/.exec(String(one?.ipv4?.vpc ?? ""))?.[1]);
    if (asked >= 2 && asked <= lastFree && !taken.has(asked)) return asked;
  }
  for (let host = firstFree; host <= lastFree; host++) if (!taken.has(host)) return host;
  return refuse("Account Limit reached. Please open a support ticket.");
}

/** What follows an answered create: the disk is filled, then the machine boots. */
function provision(call: Call, instance: Instance, boots: boolean, fault?: Fault): void {
  const { state } = call;
  enqueue(state, instance, "linode_create", async () => {
    await pause(fault?.slowMs ?? (fault?.instance === "slow" ? 10_000 : 0));
    if (goes(instance)) return;
    if (fault?.instance === "fails") {
      instance.view.status = "offline";
      throw new Error("The disk image could not be deployed.");
    }
    instance.view.status = boots ? "booting" : "offline";
    if (boots) power(call, instance, "linode_boot");
  });
}

/** Whether somebody asked for its deletion, which waits for the job before. */
const goes = ({ view }: Instance): boolean => view.status === "deleting";

/** Lets a machine run. One that is mute is told to, and does not. */
function power(call: Call, instance: Instance, action: "linode_boot" | "linode_reboot"): void {
  enqueue(call.state, instance, action, async () => {
    // It may have been deleted meanwhile: then there is nothing to run.
    if (goes(instance)) return;
    try {
      if (!instance.mute) await call.machines[action === "linode_boot" ? "boot" : "reboot"](instance.order);
    } catch (error) {
      instance.view.status = "offline";
      throw error;
    }
    if (!goes(instance)) instance.view.status = "running";
  });
}

function boot(call: Call): object {
  const instance = instanceOf(call);
  assertIdle(instance);
  if (instance.view.status === "running") refuse("Linode is already booted.");
  if (instance.configs.length === 0) refuse("Linode has no configuration to boot.", "config_id");
  instance.view.status = "booting";
  power(call, instance, "linode_boot");
  return {};
}

function reboot(call: Call): object {
  const instance = instanceOf(call);
  assertIdle(instance);
  if (instance.view.status === "offline") return boot(call);
  instance.view.status = "rebooting";
  power(call, instance, "linode_reboot");
  return {};
}

function shutDown(call: Call): object {
  const instance = instanceOf(call);
  assertIdle(instance);
  instance.view.status = "shutting_down";
  enqueue(call.state, instance, "linode_shutdown", async () => {
    await call.machines.stop(instance.order);
    if (!goes(instance)) instance.view.status = "offline";
  });
  return {};
}

function remove(call: Call): object {
  const { state, machines } = call;
  const instance = instanceOf(call);
  if (goes(instance)) refuse("Linode busy.");
  instance.view.status = "deleting";
  enqueue(state, instance, "linode_delete", async () => {
    await machines.delete(instance.order);
    forget(state, instance);
    await applyFilters(call);
  });
  return {};
}

function forget(state: State, instance: Instance): void {
  state.instances.delete(instance.view.id);
  detach(state, instance.view.id);
  leave(state, instance);
}

function update(call: Call): Linode {
  const { state, body } = call;
  const instance = instanceOf(call);
  validate(UpdateLinodeSchema, body);
  const { view } = instance;
  if (textAt(body, "label") !== undefined) view.label = labelOf(state, textAt(body, "label") ?? "", instance);
  if (Array.isArray(body.tags)) view.tags = readTags(body.tags);
  if (typeof body.watchdog_enabled === "boolean") view.watchdog_enabled = body.watchdog_enabled;
  if (typeof body.alerts === "object" && body.alerts !== null) Object.assign(view.alerts, body.alerts);
  if (typeof body.backups === "object" && body.backups !== null) {
    const { schedule } = body.backups as { schedule?: Linode["backups"]["schedule"] };
    if (schedule) Object.assign(view.backups.schedule, schedule);
  }
  view.updated = now();
  note(state, "linode_update", entityOf(instance));
  return view;
}

const setBackups =
  (enabled: boolean) =>
  (call: Call): object => {
    const instance = instanceOf(call);
    instance.view.backups.enabled = enabled;
    note(call.state, enabled ? "backups_enable" : "backups_cancel", entityOf(instance));
    return {};
  };

const findEvent = ({ state, params }: Call): Event => {
  const event = state.events.find(({ id }) => String(id) === params.eventId);
  if (!event) throw new ApiError(404, [{ reason: "Not found" }]);
  return event;
};

export const instanceRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/linode/instances",
    answer: ({ state, listing }) =>
      list(
        [...state.instances.values()].map(({ view }) => view),
        listing,
      ),
  },
  { method: "POST", path: "/linode/instances", answer: create },
  { method: "GET", path: "/linode/instances/:linodeId", answer: (call) => instanceOf(call).view },
  { method: "PUT", path: "/linode/instances/:linodeId", answer: update },
  { method: "DELETE", path: "/linode/instances/:linodeId", answer: remove },
  { method: "POST", path: "/linode/instances/:linodeId/boot", answer: boot },
  { method: "POST", path: "/linode/instances/:linodeId/reboot", answer: reboot },
  { method: "POST", path: "/linode/instances/:linodeId/shutdown", answer: shutDown },
  { method: "POST", path: "/linode/instances/:linodeId/backups/enable", answer: setBackups(true) },
  { method: "POST", path: "/linode/instances/:linodeId/backups/cancel", answer: setBackups(false) },
  {
    method: "GET",
    path: "/account/events",
    // The newest first, unless the filter orders them: https://techdocs.akamai.com/linode-api/reference/get-events
    answer: ({ state, listing }) => list([...state.events].reverse(), listing),
  },
  { method: "GET", path: "/account/events/:eventId", answer: findEvent },
];
