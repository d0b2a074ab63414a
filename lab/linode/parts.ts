import ipaddr from "ipaddr.js";
import { hostAddress } from "../machines/addresses.js";
import { refuse } from "./errors.js";
import { hostNumber } from "./machines.js";
import { nextId, now, type State, subnetOf } from "./state.js";
import type { Config, Disk, Interface, Region } from "./types.js";

/** What comes with an instance: disks, a configuration and its interfaces. */

/** The disks of an instance made from an image: the image's, and swap (512 MB unless it says otherwise). */
export function disksOf(image: string, diskMb: number, swap: unknown): Disk[] {
  const swapMb = typeof swap === "number" ? swap : 512;
  const disk = (label: string, filesystem: Disk["filesystem"], size: number): Disk => ({
    id: nextId(),
    label,
    filesystem,
    size,
    status: "ready",
    created: now(),
    updated: now(),
    disk_encryption: "enabled",
  });
  const disks = [disk(`${image} Disk`, "ext4", diskMb - swapMb)];
  if (swapMb > 0) disks.push(disk(`${swapMb} MB Swap Image`, "swap", swapMb));
  return disks;
}

/** The configuration that Linode makes beside them. */
export function configOf(image: string, disks: readonly Disk[], interfaces: Interface[]): Config {
  const device = (disk: Disk | undefined) => (disk ? { disk_id: disk.id, volume_id: null } : null);
  return {
    id: nextId(),
    label: `My ${image} Disk Profile`,
    comments: "",
    created: now(),
    updated: now(),
    // Devices of the API are null where there is none; its client's types know only those that are there.
    devices: { sda: device(disks[0]), sdb: device(disks[1]) },
    helpers: {
      updatedb_disabled: true,
      distro: true,
      modules_dep: true,
      network: true,
      devtmpfs_automount: true,
    },
    initrd: null,
    interfaces,
    kernel: "linode/grub2",
    memory_limit: 0,
    root_device: "/dev/sda",
    run_level: "default",
    virt_mode: "paravirt",
  };
}

interface Asked {
  readonly purpose: Interface["purpose"];
  readonly primary?: boolean;
  readonly label?: string | null;
  readonly ipam_address?: string | null;
  readonly subnet_id?: number | null;
  readonly ipv4?: { readonly vpc?: string | null; readonly nat_1_1?: string | null } | null;
  readonly ip_ranges?: readonly string[] | null;
}

/**
 * The interfaces that a body asks for, with what the API fills in: an address in the subnet, and the public address where
 * NAT 1:1 is "any". None asked for: none answered, and the instance is on the public network alone.
 */
export function readInterfaces(
  state: State,
  region: Region,
  asked: unknown,
  publicIpv4: string,
  host: number,
): Interface[] {
  return (Array.isArray(asked) ? (asked as Asked[]) : []).map((one, index): Interface => {
    const common = {
      id: nextId(),
      purpose: one.purpose,
      primary: one.primary ?? false,
      active: true,
      label: one.label ?? null,
      ipam_address: one.ipam_address ?? null,
      ip_ranges: [...(one.ip_ranges ?? [])],
    };
    if (one.purpose !== "vpc") return { ...common, subnet_id: null, vpc_id: null };
    const path = `interfaces[${index}]`;
    const found = subnetOf(state, one.subnet_id) ?? refuse("Subnet was not found.", `${path}.subnet_id`);
    if (found.vpc.region !== region.id)
      refuse(`The subnet is in ${found.vpc.region}, the instance in ${region.id}.`, `${path}.subnet_id`);
    if (!region.capabilities.includes("VPCs")) refuse("VPCs are not available in this region.", path);
    const vpc = subnetAddress(state, found.subnet, one.ipv4?.vpc ?? undefined, host, path);
    const nat = one.ipv4?.nat_1_1;
    if (nat && nat !== "any" && nat !== publicIpv4)
      refuse("The address is not one of the instance's own.", `${path}.ipv4.nat_1_1`);
    return {
      ...common,
      vpc_id: found.vpc.id,
      subnet_id: found.subnet.id,
      ipv4: { vpc, nat_1_1: nat ? publicIpv4 : null },
    };
  });
}

function subnetAddress(
  state: State,
  subnet: { readonly id: number; readonly ipv4?: string },
  asked: string | undefined,
  host: number,
  path: string,
): string {
  const range = subnet.ipv4 ?? "";
  const taken = new Set(vpcInterfaces(state, subnet.id).map(({ address }) => address));
  if (asked && asked !== "any") {
    if (!ipaddr.IPv4.isValid(asked) || !ipaddr.parse(asked).match(ipaddr.parseCIDR(range)))
      refuse(`Must be an address of ${range}.`, `${path}.ipv4.vpc`);
    // The first two and the last two of a subnet are Linode's own: techdocs, VPC, "Subnets".
    const number = hostNumber(asked, range);
    const size = 2 ** (32 - ipaddr.parseCIDR(range)[1]);
    if (number < 2 || number > size - 3) refuse("The address is reserved.", `${path}.ipv4.vpc`);
    if (taken.has(asked)) refuse(`${asked} is in use already.`, `${path}.ipv4.vpc`);
    return asked;
  }
  for (let number = host; number <= 253; number++) {
    const address = hostAddress(range, number);
    if (!taken.has(address)) return address;
  }
  return refuse("The subnet has no free address.", `${path}.subnet_id`);
}

/** Who has an interface in a subnet. */
export function vpcInterfaces(
  state: State,
  subnetId: number,
): { linodeId: number; configId: number; interfaceId: number; address: string; nat: string | null }[] {
  return [...state.instances.values()].flatMap(({ view, configs }) =>
    configs.flatMap((config) =>
      (config.interfaces ?? [])
        .filter((one) => one.subnet_id === subnetId)
        .map((one) => ({
          linodeId: view.id,
          configId: config.id,
          interfaceId: one.id,
          address: one.ipv4?.vpc ?? "",
          nat: one.ipv4?.nat_1_1 ?? null,
        })),
    ),
  );
}
