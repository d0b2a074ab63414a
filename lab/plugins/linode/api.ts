/**
 * The part of Linode's own client that is used. Its typings do not resolve from CommonJS, so what is used is described
 * here, by the names of the API's reference (and of linodego, with which the official provider reads the same answers).
 */
import type { Values } from "../common/kinds";

export interface Page<T> {
  data: T[];
  page: number;
  pages: number;
}

export interface Vpc {
  id: number;
  label: string;
  description: string;
  region: string;
  created: string;
  updated: string;
}

export interface Subnet {
  id: number;
  label: string;
  ipv4: string;
  linodes: { id: number; interfaces: { id: number; active: boolean }[] }[];
  created: string;
  updated: string;
}

export interface FirewallRule {
  action: string;
  label: string;
  description?: string | null;
  ports?: string | null;
  protocol: string;
  addresses?: { ipv4?: string[] | null; ipv6?: string[] | null } | null;
}

export interface FirewallRules {
  inbound: FirewallRule[];
  inbound_policy: string;
  outbound: FirewallRule[];
  outbound_policy: string;
}

export interface Firewall {
  id: number;
  label: string;
  status: string;
  tags: string[];
  rules: FirewallRules;
  created: string;
  updated: string;
}

export interface FirewallDevice {
  id: number;
  entity: { id: number; type: string; label: string; url: string };
}

export interface PlacementGroup {
  id: number;
  label: string;
  region: string;
  placement_group_type: string;
  placement_group_policy: string;
  is_compliant: boolean;
  members: { linode_id: number; is_compliant: boolean }[];
}

export interface StackScript {
  id: number;
  label: string;
  description: string;
  script: string;
  images: string[];
  is_public: boolean;
  rev_note: string;
  created: string;
  updated: string;
  deployments_active: number;
  deployments_total: number;
  user_gravatar_id: string;
  username: string;
  user_defined_fields: {
    name: string;
    label: string;
    example?: string;
    default?: string;
    oneof?: string;
    manyof?: string;
  }[];
}

export interface Linode {
  id: number;
  label: string;
  region: string;
  type: string;
  status: string;
  tags: string[];
  ipv4: string[];
  ipv6: string | null;
  host_uuid: string | null;
  has_user_data: boolean;
  watchdog_enabled: boolean;
  disk_encryption?: string | null;
  lke_cluster_id?: number | null;
  capabilities?: string[];
  specs: Record<string, number>;
  alerts: Record<string, number>;
  backups: {
    available?: boolean;
    enabled: boolean;
    schedule?: { day: string | null; window: string | null } | null;
  };
  placement_group?: {
    id: number;
    label: string;
    placement_group_type: string;
    placement_group_policy: string;
  } | null;
}

export interface ConfigInterface {
  id: number;
  purpose: string;
  primary?: boolean;
  active?: boolean;
  label?: string | null;
  ipam_address?: string | null;
  vpc_id?: number | null;
  subnet_id?: number | null;
  ipv4?: { vpc?: string | null; nat_1_1?: string | null } | null;
  ip_ranges?: string[] | null;
}

export interface Config {
  id: number;
  label: string;
  kernel?: string;
  run_level?: string;
  virt_mode?: string;
  root_device?: string;
  comments?: string;
  memory_limit?: number;
  interfaces?: ConfigInterface[] | null;
}

export interface Disk {
  id: number;
  label: string;
  size: number;
  filesystem: string;
}

interface IpAddress {
  address: string;
}

export interface LinodeIps {
  ipv4: { public: IpAddress[]; private: IpAddress[]; shared: IpAddress[] };
}

export interface Event {
  id: number;
  action: string;
  status: string;
  message?: string | null;
}

export interface Domain {
  id: number;
  domain: string;
  [property: string]: unknown;
}

export interface DomainRecord {
  id: number;
  type: string;
  name: string;
  target: string;
  priority: number;
  weight: number;
  port: number;
  service: string | null;
  protocol: string | null;
  ttl_sec: number;
  tag: string | null;
}

/** What a request of the client looks like before it is sent (axios). */
export interface Outgoing {
  url?: string;
  signal?: AbortSignal;
  proxy?: false;
  headers: { set(name: string, value: string): unknown };
}

type List<T> = (params: Values, filter?: Values) => Promise<Page<T>>;
type ListOf<T> = (id: number, params: Values) => Promise<Page<T>>;

/** Functions by the client's names; each rejects with axios' error, or a list of reasons when it refuses to send. */
export interface LinodeApi {
  baseRequest: {
    post<T>(path: string, body: Values): Promise<{ data: T }>;
    interceptors: {
      request: { use(change: (outgoing: Outgoing) => Outgoing): number; eject(id: number): void };
    };
  };
  /** Every later request has this token; answers its interceptor. */
  setToken(token: string): number;
  getLinodeTypes(params: Values): Promise<Page<{ id: string }>>;
  getEvents: List<Event>;
  getEvent(id: number): Promise<Event>;

  createVPC(body: Values): Promise<Vpc>;
  getVPC(id: number): Promise<Vpc>;
  updateVPC(id: number, body: Values): Promise<Vpc>;
  deleteVPC(id: number): Promise<unknown>;
  createSubnet(vpc: number, body: Values): Promise<Subnet>;
  getSubnet(vpc: number, id: number): Promise<Subnet>;
  modifySubnet(vpc: number, id: number, body: Values): Promise<Subnet>;
  deleteSubnet(vpc: number, id: number): Promise<unknown>;

  createFirewall(body: Values): Promise<Firewall>;
  getFirewall(id: number): Promise<Firewall>;
  updateFirewall(id: number, body: Values): Promise<Firewall>;
  deleteFirewall(id: number): Promise<unknown>;
  getFirewallRules(id: number): Promise<FirewallRules>;
  updateFirewallRules(id: number, body: Values): Promise<FirewallRules>;
  getFirewallDevices: ListOf<FirewallDevice>;
  addFirewallDevice(id: number, body: Values): Promise<FirewallDevice>;
  deleteFirewallDevice(id: number, device: number): Promise<unknown>;

  createPlacementGroup(body: Values): Promise<PlacementGroup>;
  getPlacementGroup(id: number): Promise<PlacementGroup>;
  updatePlacementGroup(id: number, body: Values): Promise<PlacementGroup>;
  deletePlacementGroup(id: number): Promise<unknown>;
  assignLinodesToPlacementGroup(id: number, body: Values): Promise<unknown>;
  unassignLinodesFromPlacementGroup(id: number, body: Values): Promise<unknown>;

  getLinode(id: number): Promise<Linode>;
  updateLinode(id: number, body: Values): Promise<Linode>;
  deleteLinode(id: number): Promise<unknown>;
  getLinodeIPs(id: number): Promise<LinodeIps>;
  getLinodeDisks: ListOf<Disk>;
  getLinodeConfigs: ListOf<Config>;
  linodeBoot(id: number, config?: number): Promise<unknown>;
  linodeShutdown(id: number): Promise<unknown>;
  enableBackups(id: number): Promise<unknown>;
  cancelBackups(id: number): Promise<unknown>;

  createStackScript(body: Values): Promise<StackScript>;
  getStackScript(id: number): Promise<StackScript>;
  updateStackScript(id: number, body: Values): Promise<StackScript>;
  deleteStackScript(id: number): Promise<unknown>;

  getDomain(id: number): Promise<Domain>;
  getDomains: List<Domain>;
  createDomainRecord(domain: number, body: Values): Promise<DomainRecord>;
  getDomainRecord(domain: number, id: number): Promise<DomainRecord>;
  updateDomainRecord(domain: number, id: number, body: Values): Promise<DomainRecord>;
  deleteDomainRecord(domain: number, id: number): Promise<unknown>;
}

/** The client: one for the whole process. */
export function loadApi(): LinodeApi {
  return require("@linode/api-v4") as LinodeApi;
}
