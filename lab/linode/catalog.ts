import type { Image, LinodeType, Region } from "./types.js";

/** What Linode offers: a few regions, types and images, as the public lists had them in November 2026. */

const everywhere: Region["capabilities"] = [
  "Linodes",
  "Backups",
  "NodeBalancers",
  "Block Storage",
  "Cloud Firewall",
  "Vlans",
  "VPCs",
  "Metadata",
  "StackScripts",
  "Placement Group",
  "Disk Encryption",
];

const region = (id: string, label: string, country: string, capabilities = everywhere): Region => ({
  id,
  label,
  country,
  capabilities,
  status: "ok",
  site_type: "core",
  resolvers: { ipv4: "192.0.2.53", ipv6: "2001:db8::53" },
  placement_group_limits: { maximum_pgs_per_customer: 100, maximum_linodes_per_pg: 5 },
});

export const regions: readonly Region[] = [
  region("de-fra-2", "Frankfurt 2, DE", "de"),
  region("eu-central", "Frankfurt, DE", "de"),
  region("nl-ams", "Amsterdam, NL", "nl"),
  region("us-east", "Newark, NJ", "us"),
  region("us-ord", "Chicago, IL", "us"),
  // One that lacks what the library needs: to try what is said then.
  region("us-lean", "A region without VPCs and Metadata", "us", ["Linodes", "Cloud Firewall"]),
];

interface Size {
  readonly gb: number;
  readonly disk: number;
  readonly vcpus: number;
  readonly price: { readonly hourly: number; readonly monthly: number };
  readonly backups: { readonly hourly: number; readonly monthly: number };
}

const type = (
  id: string,
  label: string,
  kind: LinodeType["class"],
  { gb, disk, vcpus, price, backups }: Size,
): LinodeType => ({
  id,
  label,
  class: kind,
  memory: gb * 1024,
  disk: disk * 1024,
  vcpus,
  gpus: 0,
  accelerated_devices: 0,
  network_out: gb * 1000,
  transfer: gb * 1000,
  successor: null,
  price,
  region_prices: [],
  addons: { backups: { price: backups, region_prices: [] } },
});

/** Prices in US dollars: https://www.linode.com/pricing/ */
export const types: readonly LinodeType[] = [
  type("g6-nanode-1", "Nanode 1GB", "nanode", {
    gb: 1,
    disk: 25,
    vcpus: 1,
    price: { hourly: 0.0075, monthly: 5 },
    backups: { hourly: 0.003, monthly: 2 },
  }),
  type("g6-standard-1", "Linode 2GB", "standard", {
    gb: 2,
    disk: 50,
    vcpus: 1,
    price: { hourly: 0.018, monthly: 12 },
    backups: { hourly: 0.004, monthly: 2.5 },
  }),
  type("g6-standard-2", "Linode 4GB", "standard", {
    gb: 4,
    disk: 80,
    vcpus: 2,
    price: { hourly: 0.036, monthly: 24 },
    backups: { hourly: 0.008, monthly: 5 },
  }),
  type("g6-standard-4", "Linode 8GB", "standard", {
    gb: 8,
    disk: 160,
    vcpus: 4,
    price: { hourly: 0.072, monthly: 48 },
    backups: { hourly: 0.015, monthly: 10 },
  }),
  type("g6-standard-6", "Linode 16GB", "standard", {
    gb: 16,
    disk: 320,
    vcpus: 6,
    price: { hourly: 0.144, monthly: 96 },
    backups: { hourly: 0.03, monthly: 20 },
  }),
  type("g6-dedicated-2", "Dedicated 4GB", "dedicated", {
    gb: 4,
    disk: 80,
    vcpus: 2,
    price: { hourly: 0.054, monthly: 36 },
    backups: { hourly: 0.008, monthly: 5 },
  }),
  type("g6-dedicated-4", "Dedicated 8GB", "dedicated", {
    gb: 8,
    disk: 160,
    vcpus: 4,
    price: { hourly: 0.108, monthly: 72 },
    backups: { hourly: 0.015, monthly: 10 },
  }),
];

const image = (id: string, label: string, isPublic: boolean, capabilities: Image["capabilities"]): Image => ({
  id,
  label,
  description: null,
  created: "2026-01-01T00:00:00",
  updated: "2026-01-01T00:00:00",
  created_by: isPublic ? "linode" : "rehearsal",
  deprecated: false,
  eol: isPublic ? "2028-06-30T04:00:00" : null,
  expiry: null,
  is_public: isPublic,
  size: 2500,
  total_size: 2500,
  status: "available",
  type: "manual",
  vendor: isPublic ? "Debian" : null,
  capabilities,
  regions: [],
  tags: [],
});

/** `private/1` stands for an image of the user's own: packages and programs in it. */
export const images: readonly Image[] = [
  image("linode/debian12", "Debian 12", true, ["cloud-init"]),
  image("linode/debian11", "Debian 11", true, []),
  image("private/1", "hashistack", false, ["cloud-init"]),
];
