import { type Dashboard, dashboards, loadBalancerClass, type MachineSpec, type Role } from "./model";

/**
 * Who may reach what: the one table from which the clouds' filters, the machines' zones and the documentation are
 * made. What is not here is closed.
 */

/**
 * Who knocks. "world": anybody. "admins": hosts in `adminCidrs`. "members": every machine of the cluster but support,
 * which runs no agent. A role: the machines that have it.
 */
export type Neighbour = "world" | "admins" | "members" | Role;

/**
 * Where it is open. "members" as above; "load-balancer": clients of that class; "gateway" and "behind": support and those
 * that go out through it, where they do (`MachineSpec.egress`).
 */
export type Place = Role | "members" | "load-balancer" | "gateway" | "behind";

/** A port, or the first and last of a range. */
export type Port = number | readonly [number, number];

/** One line of the table. */
export interface OpenPort {
  /** What answers there. */
  readonly service: string;
  readonly port: Port;
  readonly protocols: readonly ("tcp" | "udp")[];
  readonly to: Place;
  readonly from: readonly Neighbour[];
  readonly why: string;
  /** Only where bytes travel in clear: why they may. */
  readonly clear?: string;
}

/** The ports by name. */
export const portNumbers = {
  ssh: 22,
  http: 80,
  https: 443,
  signer: 8888,
  artifacts: 8443,
  unsealer: 8210,
  consulRpc: 8300,
  consulGossip: 8301,
  consulApi: 8501,
  vaultApi: 8200,
  vaultCluster: 8201,
  nomadApi: 4646,
  nomadRpc: 4647,
  nomadGossip: 4648,
  /** VXLAN's. */
  tunnel: 4789,
  /** Nomad gives tasks' ports from this range. */
  dynamic: [20000, 32000],
} as const satisfies Record<string, Port>;

const tcp = ["tcp"] as const;
const udp = ["udp"] as const;
const both = ["tcp", "udp"] as const;

const inTunnel = "what it carries is bound for the internet, where it goes as it is";

export const openPorts: readonly OpenPort[] = [
  {
    service: "SSH on support",
    port: portNumbers.ssh,
    protocols: tcp,
    to: "support",
    from: ["admins"],
    why: "the way in, and on to the other machines",
  },
  {
    service: "SSH",
    port: portNumbers.ssh,
    protocols: tcp,
    to: "members",
    from: ["support"],
    why: "machines are provisioned through support",
  },
  {
    service: "Vault through support",
    port: portNumbers.vaultApi,
    protocols: tcp,
    to: "support",
    from: ["admins"],
    why: "administrators' programs reach the API; TLS ends at the servers",
  },
  {
    service: "Consul through support",
    port: portNumbers.consulApi,
    protocols: tcp,
    to: "support",
    from: ["admins"],
    why: "administrators' programs reach the API; TLS ends at the servers",
  },
  {
    service: "Nomad through support",
    port: portNumbers.nomadApi,
    protocols: tcp,
    to: "support",
    from: ["admins"],
    why: "administrators' programs reach the API; TLS ends at the servers",
  },
  {
    service: "signer",
    port: portNumbers.signer,
    protocols: tcp,
    to: "support",
    from: ["members"],
    why: "machines have their certificates signed and renewed",
  },
  {
    service: "artifact store",
    port: portNumbers.artifacts,
    protocols: tcp,
    to: "support",
    from: ["members"],
    why: "machines and tasks fetch programs and content",
  },
  {
    service: "unsealer",
    port: portNumbers.unsealer,
    protocols: tcp,
    to: "support",
    from: ["vault-server"],
    why: "Vault's servers unseal by its transit key",
  },
  {
    service: "Consul RPC",
    port: portNumbers.consulRpc,
    protocols: tcp,
    to: "consul-server",
    from: ["members"],
    why: "agents ask the servers, servers replicate",
  },
  {
    service: "Consul gossip",
    port: portNumbers.consulGossip,
    protocols: both,
    to: "members",
    from: ["members"],
    why: "agents watch each other; encrypted by a key of its own",
  },
  {
    service: "Consul API",
    port: portNumbers.consulApi,
    protocols: tcp,
    to: "consul-server",
    from: ["support"],
    why: "bootstrap and the pass-through; members ask their own agent on loopback",
  },
  {
    service: "Vault API",
    port: portNumbers.vaultApi,
    protocols: tcp,
    to: "vault-server",
    from: ["support", "vault-server", "nomad-client"],
    why: "bootstrap and the pass-through; servers join and forward; tasks and their templates read secrets",
  },
  {
    service: "Vault cluster",
    port: portNumbers.vaultCluster,
    protocols: tcp,
    to: "vault-server",
    from: ["vault-server"],
    why: "Raft and forwarded requests",
  },
  {
    service: "Nomad API",
    port: portNumbers.nomadApi,
    protocols: tcp,
    to: "nomad-server",
    from: ["support", "consul-server", "vault-server"],
    why: "bootstrap and the pass-through; Consul and Vault read the keys of workload identities",
  },
  {
    service: "Nomad API of clients",
    port: portNumbers.nomadApi,
    protocols: tcp,
    to: "nomad-client",
    from: ["support"],
    why: "logs and exec of allocations, which the command line asks of the client itself",
  },
  {
    service: "Nomad RPC",
    port: portNumbers.nomadRpc,
    protocols: tcp,
    to: "nomad-server",
    from: ["nomad-server", "nomad-client"],
    why: "clients register and fetch their work, servers replicate",
  },
  {
    service: "Nomad gossip",
    port: portNumbers.nomadGossip,
    protocols: both,
    to: "nomad-server",
    from: ["nomad-server"],
    why: "servers watch each other; encrypted by a key of its own",
  },
  {
    service: "tasks",
    port: portNumbers.dynamic,
    protocols: both,
    to: "nomad-client",
    from: ["nomad-client"],
    why: "tasks reach each other, the ingress reaches the site",
    clear: "what a task speaks is the task's own; only clients of the cluster reach it",
  },
  {
    service: "way out",
    port: portNumbers.tunnel,
    protocols: udp,
    to: "gateway",
    from: ["members"],
    why: "with `egress: nat` at Linode, machines without a public address go out through support",
    clear: inTunnel,
  },
  {
    service: "way out, answers",
    port: portNumbers.tunnel,
    protocols: udp,
    to: "behind",
    from: ["support"],
    why: "what comes back to them",
    clear: inTunnel,
  },
  {
    service: "site, redirect",
    port: portNumbers.http,
    protocols: tcp,
    to: "load-balancer",
    from: ["world"],
    why: "visitors are sent on to HTTPS",
    clear: "answers with nothing but the redirect",
  },
  {
    service: "site",
    port: portNumbers.https,
    protocols: tcp,
    to: "load-balancer",
    from: ["world"],
    why: "visitors",
  },
];

/** Where the APIs answer whose pages may be published. */
export const dashboardPorts = {
  nomad: portNumbers.nomadApi,
  consul: portNumbers.consulApi,
  vault: portNumbers.vaultApi,
} as const satisfies Record<Dashboard, Port>;

/**
 * The table of a cluster that publishes these services' pages: clients reach the servers' APIs. The filters of other machines
 * know a client as one; which clients' tasks may go there, each client says itself (`renderTaskFilter`).
 */
export function portsWith(published: readonly string[] = []): readonly OpenPort[] {
  const named = dashboards.filter((one) => published.includes(one));
  return openPorts.map((line) =>
    named.some((one) => line.to === `${one}-server` && line.port === dashboardPorts[one]) &&
    !line.from.includes("nomad-client")
      ? { ...line, from: [...line.from, "nomad-client"], why: `${line.why}; the ingress publishes it` }
      : line,
  );
}

/** What listens on loopback alone and is in no zone: for the documentation, and for tests that nothing else does. */
export const loopbackPorts: readonly { readonly service: string; readonly port: number }[] = [
  { service: "Consul API of client agents", port: portNumbers.consulApi },
  { service: "Consul gRPC (TLS)", port: 8503 },
  { service: "Consul DNS", port: 8600 },
  { service: "signer, behind its gate", port: 8889 },
  { service: "unsealer's cluster of one", port: 8211 },
  { service: "the ingress's own: Fabio's API and UI, Traefik's metrics", port: 9998 },
  { service: "names (systemd-resolved)", port: 53 },
];

/** Whether a machine is a place of the table. */
export function isPlace(spec: MachineSpec, place: Place): boolean {
  switch (place) {
    case "members":
      return !spec.roles.includes("support");
    case "load-balancer":
      return spec.roles.includes("nomad-client") && spec.nodeClass === loadBalancerClass;
    case "gateway":
    case "behind":
      return spec.egress === place;
    default:
      return spec.roles.includes(place);
  }
}

/** What a machine's roles make it in the eyes of another. Everybody is also part of the world. */
export function neighboursOf(roles: readonly Role[]): Neighbour[] {
  return [...roles, ...(roles.includes("support") ? [] : ["members" as const]), "world"];
}

/**
 * The lines of the table by which one who is all these neighbours reaches a machine.
 * @param table the cluster's, see `portsWith`. Default: that of a cluster that publishes nothing
 */
export function reachable(
  spec: MachineSpec,
  by: readonly Neighbour[],
  table: readonly OpenPort[] = openPorts,
): OpenPort[] {
  return table.filter((line) => isPlace(spec, line.to) && line.from.some((from) => by.includes(from)));
}

/** One port of a machine that is reached from outside, and by whom. */
export interface OpenedPort {
  readonly from: "world" | "admins";
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  /** What answers there. */
  readonly service: string;
}

/** What of a machine is reached from outside, ascending: what its cloud must let through. */
export function openingsOf(spec: MachineSpec): OpenedPort[] {
  const opened = (["world", "admins"] as const).flatMap((from) =>
    reachable(spec, [from]).flatMap(({ service, port, protocols }) => {
      if (typeof port !== "number") throw new Error(`${service}: no range of ports is open to ${from}.`);
      return protocols.map((protocol) => ({ from, protocol, port, service }));
    }),
  );
  return opened.sort((a, b) => a.port - b.port);
}

/** A port as firewalld and the documentation write it. Example: "8301", "20000-32000". */
export function portText(port: Port): string {
  return typeof port === "number" ? String(port) : `${port[0]}-${port[1]}`;
}
