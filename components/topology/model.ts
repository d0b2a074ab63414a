/**
 * The cluster as plain data: who is there and what they do. Nothing here knows Pulumi, a cloud or a file.
 */

/** What a machine can be. A machine carries a set of these. */
export const roles = ["support", "consul-server", "vault-server", "nomad-server", "nomad-client"] as const;
export type Role = (typeof roles)[number];

/** The node class of the clients that carry the ingress. */
export const loadBalancerClass = "load-balancer";

/** The node class of a client whose group names none. */
export const defaultNodeClass = "general";

/** The services that have a certificate authority of their own. */
export const services = ["consul", "vault", "nomad", "support"] as const;
export type Service = (typeof services)[number];

/** The services whose pages and API the ingress may show to those whom the auth proxy lets pass. */
export const dashboards = ["nomad", "consul", "vault"] as const;
export type Dashboard = (typeof dashboards)[number];

/** One machine as the settings ask for it, before any cloud has made it. */
export interface MachineSpec {
  /** `<group>-<key>`: the logical name, stable for the machine's slot. Example: "control-a". */
  readonly name: string;
  readonly group: string;
  readonly key: string;
  readonly roles: readonly Role[];
  /** Nomad node class of a client. The class "load-balancer" carries the ingress. */
  readonly nodeClass?: string;
  /** Whether the machine has addresses that are reached from outside. Support and load balancers only. */
  readonly public: boolean;
  /**
   * Where machines without a public address go out through support. "gateway": support itself. "behind": one that goes out
   * through it. Undefined: the machine's way out is its cloud's matter.
   */
  readonly egress?: "gateway" | "behind";
  /** The cloud's own word for the size, or undefined for the cloud's default. */
  readonly size?: string;
}

/** The networks of a cluster. */
export interface Network {
  /** Private prefix of all machines. Example: "198.51.100.0/24". */
  readonly ipv4: string;
  /** Private prefix of all machines. Undefined where the private network has IPv4 alone. Example: "fd00:1ab::/64". */
  readonly ipv6?: string;
  /** Which family members use among themselves. */
  readonly family: "ipv4" | "ipv6";
}

/** Versions of the programs that machines run. */
export interface Versions {
  /** Consul, on every machine but support. Default: 1.21.0 */
  readonly consul: string;
  /** Vault, on its servers and on support. Default: 1.21.1 */
  readonly vault: string;
  /** Nomad, on its servers and clients. Default: 1.11.1 */
  readonly nomad: string;
  /** cfssl, which signs certificates. Default: 1.6.5 */
  readonly cfssl: string;
  /** Fabio, the ingress unless site.ingress says otherwise. Default: 1.5.15 */
  readonly fabio: string;
  /** Traefik, the other ingress. Default: 3.6.12 */
  readonly traefik: string;
  /** Caddy, which serves the website. Default: 2.11.9 */
  readonly caddy: string;
}

/** The whole cluster, validated. Made by `topologyOf(settings)`; everything downstream trusts it. */
export interface Topology {
  /** Cluster name, first part of every machine's name in the cloud. Example: "dev". */
  readonly cluster: string;
  /** Consul datacenter and Nomad datacenter. Example: "dc1". */
  readonly datacenter: string;
  /** Nomad region. Example: "global". */
  readonly region: string;
  readonly network: Network;
  /** Networks whose hosts may use SSH and the API pass-through on support. */
  readonly adminCidrs: readonly string[];
  readonly versions: Versions;
  /** Services that the ingress publishes, so that load balancers reach their APIs. Default: none. */
  readonly published?: readonly Dashboard[];
  readonly machines: readonly MachineSpec[];
}

/** A machine's addresses, as a cloud answers them. */
export interface Addresses {
  readonly privateIpv4: string;
  /** Undefined where the private network has IPv4 alone. */
  readonly privateIpv6?: string;
  readonly publicIpv4?: string;
  readonly publicIpv6?: string;
}

/** A member of the cluster whose addresses are known. */
export interface Member {
  readonly spec: MachineSpec;
  /**
   * The machine's own host name, with the random suffix of its name in the cloud; also its name as a node of Consul
   * and Nomad, so that a machine and the one that replaces it can be told apart. Default: the slot's name.
   * Example: "dev-control-a-1f2e3d4c".
   */
  readonly hostname?: string;
  readonly addresses: Addresses;
}

/** One end of the tunnel by which machines go out through support. Plain values, as a machine's program reads them. */
export interface TunnelEnd {
  /** Its address in the private network. */
  readonly local: string;
  /** Support's, on a machine behind it. */
  readonly remote?: string;
  /** Its address inside, with the prefix length. */
  readonly address: string;
  /** Support's address inside, on a machine behind it. */
  readonly gateway?: string;
  /** On support: networks to which nothing is handed on. */
  readonly closed?: readonly string[];
}
