import { UpdateLinodeConfigSchema } from "@linode/validation";
import { notFound } from "../errors.js";
import { list } from "../lists.js";
import { vpcInterfaces } from "../parts.js";
import type { Call, Route } from "../router.js";
import { now, type State, subnetOf } from "../state.js";
import type { Config, Disk } from "../types.js";
import { validate } from "../validate.js";
import { instanceOf } from "./instances.js";

/** What the provider reads of an instance after it made it (linode/instance/resource.go, readResource). */

function configOf(call: Call): Config {
  const config = instanceOf(call).configs.find(({ id }) => String(id) === call.params.configId);
  if (!config) throw notFound();
  return config;
}

function diskOf(call: Call): Disk {
  const disk = instanceOf(call).disks.find(({ id }) => String(id) === call.params.diskId);
  if (!disk) throw notFound();
  return disk;
}

function updateConfig(call: Call): Config {
  const { label, comments, kernel, memory_limit } = call.body;
  const changed = { label, comments, kernel, memory_limit };
  validate(UpdateLinodeConfigSchema, changed);
  const known = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  return Object.assign(configOf(call), known, { updated: now() });
}

function interfaceOf(call: Call): object {
  const found = configOf(call).interfaces?.find(({ id }) => String(id) === call.params.interfaceId);
  if (!found) throw notFound();
  return found;
}

/** Addresses as https://techdocs.akamai.com/linode-api/reference/get-linode-ips has them. */
function addressesOf(call: Call): object {
  const { view, configs } = instanceOf(call);
  const { region, id: linode_id } = view;
  const interfaces = configs.flatMap((config) => config.interfaces ?? []);
  const nat = interfaces.find(({ ipv4 }) => ipv4?.nat_1_1);
  const common = { region, linode_id, interface_id: null, reserved: false, tags: [] };
  const ipv6 = (view.ipv6 ?? "").split("/")[0];
  return {
    ipv4: {
      public: view.ipv4.map((address) => ({
        ...common,
        address,
        gateway: address.replace(/\d+$/, "1"),
        subnet_mask: "255.255.255.0",
        prefix: 24,
        type: "ipv4",
        public: true,
        rdns: null,
        vpc_nat_1_1: nat ? { address: nat.ipv4?.vpc, subnet_id: nat.subnet_id, vpc_id: nat.vpc_id } : null,
      })),
      private: [],
      shared: [],
      reserved: [],
      vpc: vpcAddresses(call.state, linode_id),
    },
    ipv6: {
      link_local: {
        ...common,
        address: "fe80::1",
        gateway: "fe80::1",
        subnet_mask: "ffff:ffff:ffff:ffff::",
        prefix: 64,
        type: "ipv6",
        public: false,
        rdns: null,
      },
      slaac: {
        ...common,
        address: ipv6,
        gateway: "fe80::1",
        subnet_mask: "ffff:ffff:ffff:ffff::",
        prefix: 64,
        type: "ipv6",
        public: true,
        rdns: null,
      },
      global: [],
      vpc: [],
    },
  };
}

/** The addresses in VPCs, of one instance or of all. */
export function vpcAddresses(state: State, linodeId?: number): { vpc_id: number }[] {
  const subnets = [...state.vpcs.values()].flatMap((vpc) => vpc.subnets);
  return subnets.flatMap((subnet) => {
    const vpc = subnetOf(state, subnet.id)?.vpc;
    const [prefix, length] = (subnet.ipv4 ?? "").split("/");
    return vpcInterfaces(state, subnet.id)
      .filter((one) => linodeId === undefined || one.linodeId === linodeId)
      .map((one) => ({
        address: one.address,
        address_range: null,
        vpc_id: vpc?.id ?? 0,
        subnet_id: subnet.id,
        region: vpc?.region,
        linode_id: one.linodeId,
        config_id: one.configId,
        interface_id: one.interfaceId,
        nodebalancer_id: null,
        database_id: null,
        active: true,
        nat_1_1: one.nat,
        gateway: prefix.replace(/\d+$/, "1"),
        prefix: Number(length),
        subnet_mask: mask(Number(length)),
        ipv6_range: null,
        ipv6_is_public: null,
        ipv6_addresses: [],
      }));
  });
}

/** A prefix length as a mask. Example: 24 → "255.255.255.0". */
const mask = (length: number): string =>
  [0, 8, 16, 24].map((bits) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - bits)))).join(".");

function firewallsOf(call: Call): object[] {
  const { id } = instanceOf(call).view;
  return [...call.state.firewalls.values()]
    .filter(({ devices }) => devices.some(({ entity }) => entity.id === id))
    .map(({ view }) => view);
}

/** An emulated instance has no volumes and stands behind no balancer. */
function noneOf(call: Call): object {
  instanceOf(call);
  return list([], call.listing);
}

const base = "/linode/instances/:linodeId";

export const partRoutes: readonly Route[] = [
  { method: "GET", path: `${base}/configs`, answer: (call) => list(instanceOf(call).configs, call.listing) },
  { method: "GET", path: `${base}/configs/:configId`, answer: configOf },
  { method: "PUT", path: `${base}/configs/:configId`, answer: updateConfig },
  {
    method: "GET",
    path: `${base}/configs/:configId/interfaces`,
    // No page here but the bare list: https://techdocs.akamai.com/linode-api/reference/get-linode-config-interfaces
    answer: (call) => configOf(call).interfaces ?? [],
  },
  { method: "GET", path: `${base}/configs/:configId/interfaces/:interfaceId`, answer: interfaceOf },
  { method: "GET", path: `${base}/disks`, answer: (call) => list(instanceOf(call).disks, call.listing) },
  { method: "GET", path: `${base}/disks/:diskId`, answer: diskOf },
  { method: "GET", path: `${base}/ips`, answer: addressesOf },
  { method: "GET", path: `${base}/firewalls`, answer: (call) => list(firewallsOf(call), call.listing) },
  {
    method: "GET",
    path: `${base}/volumes`,
    answer: noneOf,
  },
  {
    method: "GET",
    path: `${base}/nodebalancers`,
    answer: noneOf,
  },
];
