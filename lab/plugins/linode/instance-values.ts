import { randomBytes } from "node:crypto";
import type { Values } from "../common/kinds";
import { containsUnknown, isObject, isSecret, plain, UNKNOWN } from "../common/values";
import type { Config, ConfigInterface, Disk, Linode, LinodeIps } from "./api";
import { withoutEmpty } from "./fields";

/** An instance as it is posted, and as the API shows it (instance/resource.go, instance/flatten.go, helper/instance.go). */

/** The body of the create (createResource): members that are empty are left out, as linodego leaves them out. */
export function createBody(values: Values): Values {
  const [metadata] = (values.metadatas ?? []) as Values[];
  const group = values.placementGroup;
  return {
    ...withoutEmpty({
      region: values.region,
      type: values.type,
      label: values.label,
      image: values.image,
      tags: values.tags,
      interfaces: ((values.interfaces ?? []) as Values[]).map(expandInterface),
      firewall_id: values.firewallId,
      authorized_keys: values.authorizedKeys,
      authorized_users: values.authorizedUsers,
      stackscript_id: values.stackscriptId,
      stackscript_data: values.stackscriptData,
      backups_enabled: values.backupsEnabled,
      private_ip: values.privateIp,
      swap_size: values.swapSize,
      disk_encryption: values.diskEncryption,
    }),
    ...(metadata === undefined ? {} : { metadata: withoutEmpty({ user_data: metadata.userData }) }),
    ...(isObject(group) ? { placement_group: withCompliance({ id: group.id }, group) } : {}),
    // CreateRandomRootPassword in helper/instance.go. Nobody keeps it.
    root_pass: randomBytes(50).toString("base64"),
    booted: values.booted ?? true,
  };
}

/** `compliant_only` only where it was said, false included. */
export function withCompliance(body: Values, { compliantOnly }: Values): Values {
  return compliantOnly === undefined ? body : { ...body, compliant_only: compliantOnly };
}

/** What of a create may be in no message. */
export function secretsOf({ metadatas, stackscriptData }: Values, body: Values): string[] {
  const data = ((metadatas ?? []) as Values[]).map(({ userData }) => String(userData ?? ""));
  const answers = isObject(stackscriptData) ? Object.values(stackscriptData).map(String) : [];
  return [String(body.root_pass), ...data, ...answers];
}

/** ExpandConfigInterface in helper/instance.go. */
function expandInterface({ purpose, primary, ...rest }: Values): Values {
  const base = { purpose, ...withoutEmpty({ primary }) };
  if (purpose === "vlan") {
    return { ...base, ...withoutEmpty({ ipam_address: rest.ipamAddress, label: rest.label }) };
  }
  if (purpose !== "vpc") return base;
  const address = isObject(rest.ipv4) ? withoutEmpty({ vpc: rest.ipv4.vpc, nat_1_1: rest.ipv4.nat11 }) : {};
  return {
    ...base,
    ...withoutEmpty({ subnet_id: rest.subnetId, ip_ranges: rest.ipRanges }),
    ...(Object.keys(address).length > 0 ? { ipv4: address } : {}),
  };
}

/** FlattenInterface in helper/instance.go. */
function flattenInterface(one: ConfigInterface): Values {
  return {
    id: one.id,
    purpose: one.purpose,
    primary: one.primary ?? false,
    active: one.active ?? false,
    ...withoutEmpty({
      label: one.label,
      ipamAddress: one.ipam_address,
      vpcId: one.vpc_id,
      subnetId: one.subnet_id,
      ipRanges: one.ip_ranges,
    }),
    ...(one.ipv4 ? { ipv4: withoutEmpty({ vpc: one.ipv4.vpc, nat11: one.ipv4.nat_1_1 }) } : {}),
  };
}

/** All that is read of an instance after every operation (readResource). */
export interface Seen {
  instance: Linode;
  ips: LinodeIps;
  disks: Disk[];
  configs: Config[];
}

/** Every output, and the inputs as they are now. */
export function outputsOf({ instance, ips, disks, configs }: Seen, state: Values): Values {
  const [publicIps, privateIps] = [ips.ipv4.public, ips.ipv4.private].map((list) =>
    list.map(({ address }) => address),
  );
  const kept = (old: unknown, now: string[]) =>
    typeof old === "string" && now.includes(old) ? old : (now[0] ?? "");
  const schedule = instance.backups.schedule;
  const group = instance.placement_group;
  const before = isObject(state.placementGroup) ? state.placementGroup : {};
  return {
    label: instance.label,
    region: instance.region,
    type: instance.type,
    tags: instance.tags,
    status: instance.status,
    booted: isBooted(instance.status),
    watchdogEnabled: instance.watchdog_enabled,
    capabilities: instance.capabilities ?? [],
    hostUuid: instance.host_uuid ?? "",
    hasUserData: instance.has_user_data,
    diskEncryption: instance.disk_encryption ?? "",
    lkeClusterId: instance.lke_cluster_id ?? 0,
    ipv4s: instance.ipv4,
    ipv6: instance.ipv6 ?? "",
    sharedIpv4s: ips.ipv4.shared.map(({ address }) => address),
    ipAddress: kept(state.ipAddress, publicIps),
    privateIp: privateIps.length > 0,
    privateIpAddress: kept(state.privateIpAddress, privateIps),
    specs: [camel(instance.specs, "disk", "memory", "vcpus", "transfer", "accelerated_devices", "gpus")],
    alerts: camel(instance.alerts, "cpu", "io", "network_in", "network_out", "transfer_quota"),
    backupsEnabled: instance.backups.enabled,
    backups: [
      {
        available: instance.backups.available ?? false,
        enabled: instance.backups.enabled,
        schedules: [{ day: schedule?.day ?? "", window: schedule?.window ?? "" }],
      },
    ],
    placementGroup: group
      ? {
          id: group.id,
          label: group.label,
          placementGroupType: group.placement_group_type,
          placementGroupPolicy: group.placement_group_policy,
          ...(before.compliantOnly === undefined ? {} : { compliantOnly: before.compliantOnly }),
        }
      : undefined,
    disks: disks.map(({ id, label, size, filesystem }) => ({ id, label, size, filesystem })),
    swapSize: disks
      .filter(({ filesystem }) => filesystem === "swap")
      .reduce((sum, { size }) => sum + size, 0),
    configs: configs.map((config) => ({
      id: config.id,
      label: config.label,
      kernel: config.kernel ?? "",
      runLevel: config.run_level ?? "",
      virtMode: config.virt_mode ?? "",
      rootDevice: config.root_device ?? "",
      comments: config.comments ?? "",
      memoryLimit: config.memory_limit ?? 0,
      interfaces: (config.interfaces ?? []).map(flattenInterface),
    })),
    ...(configs.length === 1 ? { bootConfigLabel: configs[0].label } : {}),
    ...(configs.length === 1 && Array.isArray(state.interfaces)
      ? { interfaces: (configs[0].interfaces ?? []).map(flattenInterface) }
      : {}),
  };
}

/** On its way counts as booted (isInstanceBooted). */
function isBooted(status: string): boolean {
  return status === "running" || status === "rebooting" || status === "booting";
}

function camel(values: Record<string, number> | undefined, ...names: string[]): Values {
  return Object.fromEntries(
    names.map((name) => [
      name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
      values?.[name] ?? 0,
    ]),
  );
}

/** Interfaces as inputs: as they were given when that is what is there ("any" has become an address meanwhile). */
export function interfacesAsGiven(given: unknown, now: unknown): unknown {
  if (!Array.isArray(given) || !Array.isArray(now) || given.length !== now.length) return stripped(now);
  const means = (one: Values, there: Values): boolean =>
    Object.entries(one).every(([name, value]) => {
      if (value === "any" && name === "nat11") return there[name] !== undefined;
      if (isObject(value)) return isObject(there[name]) && means(value, there[name]);
      if (value === false || value === "" || (Array.isArray(value) && value.length === 0))
        return !there[name];
      return JSON.stringify(value) === JSON.stringify(there[name]);
    });
  return given.every((one, i) => means(one, now[i])) ? given : stripped(now);
}

/**
 * Interfaces and placement group as a preview has them: a machine whose address in the VPC nobody asked for has none that
 * is known before it is made (the computed parts of InterfaceSchema and resourcePlacementGroup).
 */
export function planned(inputs: Values, state: Values = {}): Values {
  const result: Values = {};
  const { interfaces, placementGroup } = inputs;
  if (Array.isArray(interfaces)) {
    const there = Array.isArray(state.interfaces) && isThere(interfaces, state.interfaces);
    result.interfaces = there ? state.interfaces : interfaces.map(plannedInterface);
  }
  if (isObject(placementGroup) && !isSecret(placementGroup)) {
    const there = isObject(state.placementGroup) && state.placementGroup.id === placementGroup.id;
    const unknown = { label: UNKNOWN, placementGroupType: UNKNOWN, placementGroupPolicy: UNKNOWN };
    result.placementGroup = { ...(there ? (state.placementGroup as Values) : unknown), ...placementGroup };
  }
  return result;
}

/** Not so where the machine failed before they were read: then they have no ids yet. */
function isThere(interfaces: unknown[], there: Values[]): boolean {
  const [given, now] = [plain(interfaces), plain(there)];
  if (there.some(({ id }) => id === undefined)) return false;
  return !containsUnknown(given) && interfacesAsGiven(given, now) === given;
}

function plannedInterface(one: unknown): unknown {
  if (!isObject(one) || isSecret(one)) return one;
  const computed = { id: UNKNOWN, active: UNKNOWN, ...one };
  if (one.purpose !== "vpc") return computed;
  const address = isObject(one.ipv4) && !isSecret(one.ipv4) ? one.ipv4 : {};
  return { ...computed, vpcId: UNKNOWN, ipv4: { vpc: UNKNOWN, nat11: UNKNOWN, ...address } };
}

function stripped(interfaces: unknown): unknown {
  return Array.isArray(interfaces)
    ? interfaces.map(({ id: _id, vpcId: _vpcId, active: _active, ...input }: Values) => input)
    : interfaces;
}
