/**
 * What the API answers, by the names of its reference (https://techdocs.akamai.com/linode-api/reference). The typings of
 * Linode's own client say the same, but do not resolve from CommonJS.
 */

export interface Linode {
  readonly id: number;
  label: string;
  readonly region: string;
  readonly type: string;
  readonly image: string | null;
  status: "provisioning" | "booting" | "running" | "rebooting" | "shutting_down" | "offline" | "deleting";
  readonly created: string;
  updated: string;
  readonly group: string;
  tags: string[];
  readonly ipv4: readonly string[];
  /** With its prefix length. */
  readonly ipv6: string;
  readonly hypervisor: "kvm";
  readonly host_uuid: string;
  readonly has_user_data: boolean;
  watchdog_enabled: boolean;
  readonly interface_generation: "legacy_config";
  readonly disk_encryption: "enabled" | "disabled";
  readonly lke_cluster_id: null;
  readonly locks: readonly string[];
  readonly capabilities: readonly string[];
  readonly maintenance_policy: null;
  placement_group: (Omit<GroupTraits, "region"> & { readonly migrating_to: null }) | null;
  readonly site_type: "core";
  readonly alerts: Readonly<Record<string, number>>;
  readonly backups: {
    enabled: boolean;
    readonly available: boolean;
    readonly last_successful: string | null;
    readonly schedule: { day: string | null; window: string | null };
  };
  readonly specs: Readonly<Record<string, number>>;
}

export interface Interface {
  readonly id: number;
  readonly purpose: "public" | "vlan" | "vpc";
  readonly primary: boolean;
  readonly active: boolean;
  readonly label: string | null;
  readonly ipam_address: string | null;
  readonly vpc_id: number | null;
  readonly subnet_id: number | null;
  readonly ipv4?: { readonly vpc: string; readonly nat_1_1: string | null };
  readonly ip_ranges: readonly string[];
}

interface Device {
  readonly disk_id: number;
  readonly volume_id: null;
}

export interface Config {
  readonly id: number;
  readonly label: string;
  readonly comments: string;
  readonly created: string;
  readonly updated: string;
  readonly devices: { readonly sda: Device | null; readonly sdb: Device | null };
  readonly helpers: Readonly<Record<string, boolean>>;
  readonly initrd: null;
  readonly interfaces: readonly Interface[];
  readonly kernel: string;
  readonly memory_limit: number;
  readonly root_device: string;
  readonly run_level: string;
  readonly virt_mode: string;
}

export interface Disk {
  readonly id: number;
  readonly label: string;
  readonly filesystem: "ext4" | "swap";
  /** In MB. */
  readonly size: number;
  readonly status: "ready";
  readonly created: string;
  readonly updated: string;
  readonly disk_encryption: "enabled" | "disabled";
}

/** What an event is about. */
export interface Entity {
  readonly id: number;
  readonly label: string;
  readonly type: string;
  readonly url: string;
}

export interface Event {
  readonly id: number;
  readonly action: string;
  readonly created: string;
  readonly entity: Entity;
  secondary_entity: Entity | null;
  status: "scheduled" | "started" | "finished" | "failed";
  percent_complete: number;
  duration: number | null;
  message: string | null;
  readonly rate: null;
  readonly read: boolean;
  readonly seen: boolean;
  readonly time_remaining: null;
  readonly username: string;
}

export interface FirewallRule {
  readonly action: "ACCEPT" | "DROP";
  readonly label?: string | null;
  readonly description?: string | null;
  readonly protocol: "ALL" | "TCP" | "UDP" | "ICMP" | "IPENCAP";
  readonly ports?: string | null;
  readonly addresses?: {
    readonly ipv4?: readonly string[] | null;
    readonly ipv6?: readonly string[] | null;
  } | null;
}

export interface FirewallRules {
  readonly inbound: readonly FirewallRule[];
  readonly inbound_policy: "ACCEPT" | "DROP";
  readonly outbound: readonly FirewallRule[];
  readonly outbound_policy: "ACCEPT" | "DROP";
  readonly version: number;
  readonly fingerprint: string;
}

export interface FirewallDevice {
  readonly id: number;
  readonly created: string;
  readonly updated: string;
  readonly entity: Entity & { readonly parent_entity: null };
}

export interface Firewall {
  readonly id: number;
  label: string;
  status: "enabled" | "disabled";
  tags: string[];
  readonly created: string;
  updated: string;
  rules: FirewallRules;
  entities: readonly FirewallDevice["entity"][];
}

export interface Subnet {
  readonly id: number;
  label: string;
  readonly ipv4: string;
  readonly linodes: readonly {
    readonly id: number;
    readonly interfaces: { readonly id: number; readonly active: boolean; readonly config_id: number }[];
  }[];
  readonly nodebalancers: readonly never[];
  readonly created: string;
  updated: string;
}

export interface VPC {
  readonly id: number;
  label: string;
  description: string;
  readonly region: string;
  subnets: Subnet[];
  readonly created: string;
  updated: string;
}

interface GroupTraits {
  readonly id: number;
  readonly label: string;
  readonly region: string;
  readonly placement_group_type: "anti_affinity:local" | "affinity:local";
  readonly placement_group_policy: "strict" | "flexible";
}

export interface PlacementGroup extends Omit<GroupTraits, "label"> {
  label: string;
  readonly is_compliant: boolean;
  members: { readonly linode_id: number; readonly is_compliant: boolean }[];
  readonly migrations: null;
}

export interface UserDefinedField {
  readonly name: string;
  readonly label: string;
  readonly default?: string;
  readonly example?: string;
  readonly oneof?: string;
  readonly manyof?: string;
}

export interface StackScript {
  readonly id: number;
  readonly username: string;
  readonly user_gravatar_id: string;
  label: string;
  description: string;
  images: string[];
  deployments_total: number;
  deployments_active: number;
  readonly is_public: boolean;
  readonly mine: boolean;
  readonly created: string;
  updated: string;
  rev_note: string;
  script: string;
  user_defined_fields: UserDefinedField[];
}

export interface Domain {
  readonly id: number;
  readonly domain: string;
  readonly type: "master" | "slave";
  readonly status: "active";
  soa_email: string;
  description: string;
  readonly group: string;
  tags: string[];
  readonly master_ips: readonly string[];
  readonly axfr_ips: readonly string[];
  ttl_sec: number;
  refresh_sec: number;
  retry_sec: number;
  expire_sec: number;
  updated: string;
}

export interface DomainRecord {
  readonly id: number;
  readonly type: string;
  name: string;
  target: string;
  priority: number;
  weight: number;
  port: number;
  readonly service: string | null;
  readonly protocol: string | null;
  readonly tag: string | null;
  ttl_sec: number;
  readonly created: string;
  updated: string;
}

export interface Region {
  readonly id: string;
  readonly label: string;
  readonly country: string;
  readonly capabilities: readonly string[];
  readonly status: "ok";
  readonly site_type: "core";
  readonly resolvers: { readonly ipv4: string; readonly ipv6: string };
  readonly placement_group_limits: {
    readonly maximum_pgs_per_customer: number;
    readonly maximum_linodes_per_pg: number;
  };
}

interface Price {
  /** In US dollars. */
  readonly hourly: number;
  readonly monthly: number;
}

export interface LinodeType {
  readonly id: string;
  readonly label: string;
  readonly class: "nanode" | "standard" | "dedicated";
  /** In MB. */
  readonly memory: number;
  /** In MB. */
  readonly disk: number;
  readonly vcpus: number;
  readonly gpus: number;
  readonly accelerated_devices: number;
  readonly network_out: number;
  readonly transfer: number;
  readonly successor: null;
  readonly price: Price;
  readonly region_prices: readonly never[];
  readonly addons: { readonly backups: { readonly price: Price; readonly region_prices: readonly never[] } };
}

export interface Image {
  readonly id: string;
  label: string;
  description: string | null;
  readonly created: string;
  updated: string;
  readonly created_by: string;
  readonly deprecated: boolean;
  readonly eol: string | null;
  readonly expiry: null;
  readonly is_public: boolean;
  /** In MB. */
  size: number;
  total_size: number;
  status: "creating" | "available";
  readonly type: "manual";
  readonly vendor: string | null;
  readonly capabilities: readonly string[];
  readonly regions: readonly never[];
  tags: readonly string[];
}
