/** Looks at a cluster through the pass-throughs on support and at the site: everything at once, each with a limit. */
import { isIP } from "node:net";
import { rootCertificates } from "node:tls";
import { type AcmeRun, lastRun } from "../acme";
import { caller } from "../caller";
import { type ServedCertificate, servedCertificate } from "../http";
import type { Outputs } from "../outputs";
import { vaultLogin } from "../toolEnv";

/** An answer, or in a sentence why there is none. */
export type Look<T> = { readonly value: T } | { readonly why: string };

export interface RaftPeer {
  readonly name: string;
  readonly voter: boolean;
  readonly leader: boolean;
}

export interface ConsulView {
  readonly leader: string;
  readonly peers: readonly RaftPeer[];
  readonly members: readonly { readonly name: string; readonly status: string; readonly server: boolean }[];
  /** Checks that are critical or in warning. */
  readonly checks: readonly {
    readonly node: string;
    readonly service: string;
    readonly check: string;
    readonly status: string;
    /** Whether it has run yet: Consul calls a new one critical until its first run, up to an interval later. */
    readonly ran: boolean;
  }[];
}

export interface NomadView {
  readonly leader: string;
  readonly peers: readonly RaftPeer[];
  readonly servers: readonly { readonly name: string; readonly status: string }[];
  readonly nodes: readonly {
    readonly name: string;
    readonly status: string;
    readonly eligible: boolean;
    readonly draining: boolean;
    readonly nodeClass: string;
  }[];
  readonly jobs: readonly JobView[];
}

export interface JobView {
  readonly namespace: string;
  readonly id: string;
  readonly type: string;
  readonly status: string;
  readonly stopped: boolean;
  /** Instances that shall run; undefined for a batch or periodic job, which need not run now. */
  readonly desired?: number;
  readonly running: number;
  /** Running ones that their deployment did not call unhealthy. */
  readonly healthy: number;
  readonly deployment?: string;
}

export interface VaultView {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly version: string;
  readonly peers: readonly RaftPeer[];
  /** Servers that are unsealed and take part: the active one and those that report to it. */
  readonly unsealed: readonly string[];
  /** Whether the server that answered takes itself for removed from the cluster, though it may vote. */
  readonly removed: boolean;
}

export interface CertificateView {
  readonly name: string;
  readonly certificate: Look<ServedCertificate>;
}

export interface Observation {
  readonly consul: Look<ConsulView>;
  readonly nomad: Look<NomadView>;
  readonly vault: Look<VaultView>;
  readonly certificates: readonly CertificateView[];
  /** Of the job that gets public certificates, where there is one: its last run, if there was any. */
  readonly acme?: Look<AcmeRun | undefined>;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Looks at all of it. Never rejects: what could not be seen says why. */
export async function observe(outputs: Outputs): Promise<Observation> {
  const [consul, nomad, vault, certificates, acme] = await Promise.all([
    look(observeConsul(outputs)),
    look(observeNomad(outputs)),
    look(observeVault(outputs)),
    observeCertificates(outputs),
    outputs.acme ? look(lastRun(outputs, outputs.acme)) : undefined,
  ]);
  return { consul, nomad, vault, certificates, ...(acme ? { acme } : {}), at: Date.now() };
}

async function look<T>(work: Promise<T>): Promise<Look<T>> {
  try {
    return { value: await work };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

interface RaftAnswer {
  Servers: { Node: string; Leader: boolean; Voter: boolean }[];
}

function peersOf(answer: RaftAnswer): RaftPeer[] {
  return answer.Servers.map(({ Node, Leader, Voter }) => ({ name: Node, leader: Leader, voter: Voter }));
}

/** Serf's member states as Consul's API numbers them. */
const SERF = ["none", "alive", "leaving", "left", "failed"];

interface ConsulCheck {
  Node: string;
  ServiceName: string;
  Name: string;
  Status: string;
  Output: string;
}

async function observeConsul(outputs: Outputs): Promise<ConsulView> {
  const get = caller(
    outputs.apis.consul,
    outputs.ca.consul,
    { "X-Consul-Token": outputs.consulToken },
    "Consul",
  );
  const [leader, raft, members, critical, warning] = await Promise.all([
    get<string>("/v1/status/leader"),
    get<RaftAnswer>("/v1/operator/raft/configuration"),
    get<{ Name: string; Status: number; Tags: Record<string, string> }[]>("/v1/agent/members"),
    get<ConsulCheck[]>("/v1/health/state/critical"),
    get<ConsulCheck[]>("/v1/health/state/warning"),
  ]);
  return {
    leader,
    peers: peersOf(raft),
    members: members.map(({ Name, Status, Tags }) => ({
      name: Name,
      status: SERF[Status] ?? String(Status),
      server: Tags.role === "consul",
    })),
    checks: [...critical, ...warning].map(({ Node, ServiceName, Name, Status, Output }) => ({
      node: Node,
      service: ServiceName,
      check: Name,
      status: Status,
      ran: Output !== "",
    })),
  };
}

interface NomadJobAnswer {
  ID: string;
  Namespace: string;
  Type: string;
  Status: string;
  Stop: boolean;
  ParentID: string;
  GroupCountSum: number;
  Allocs: { ClientStatus: string; NodeID: string; DeploymentStatus?: { Healthy: boolean | null } }[] | null;
  LatestDeployment: { Status: string } | null;
}

interface NomadNodeAnswer {
  ID: string;
  Name: string;
  Status: string;
  SchedulingEligibility: string;
  Drain: boolean;
  NodeClass: string;
}

async function observeNomad(outputs: Outputs): Promise<NomadView> {
  const get = caller(outputs.apis.nomad, outputs.ca.nomad, { "X-Nomad-Token": outputs.nomadToken }, "Nomad");
  const [leader, raft, members, nodes, jobs] = await Promise.all([
    get<string>("/v1/status/leader"),
    get<RaftAnswer>("/v1/operator/raft/configuration"),
    get<{ Members: { Name: string; Status: string }[] }>("/v1/agent/members"),
    get<NomadNodeAnswer[]>("/v1/nodes"),
    get<NomadJobAnswer[] | null>("/v1/jobs/statuses?namespace=*&per_page=1000"),
  ]);
  return {
    leader,
    peers: peersOf(raft),
    servers: members.Members.map(({ Name, Status }) => ({ name: Name, status: Status })),
    nodes: nodes.map((node) => ({
      name: node.Name,
      status: node.Status,
      eligible: node.SchedulingEligibility === "eligible",
      draining: node.Drain,
      nodeClass: node.NodeClass,
    })),
    jobs: (jobs ?? []).filter((job) => !job.ParentID).map(jobView),
  };
}

function jobView(job: NomadJobAnswer): JobView {
  const allocs = job.Allocs ?? [];
  const live = allocs.filter(({ ClientStatus }) => ClientStatus === "running");
  const wanted = allocs.filter(
    ({ ClientStatus }) => ClientStatus === "running" || ClientStatus === "pending",
  );
  // A system job runs once on each node that fits: what Nomad has placed is what shall run.
  const desired =
    job.Type === "service" ? job.GroupCountSum : job.Type === "system" ? wanted.length : undefined;
  return {
    namespace: job.Namespace,
    id: job.ID,
    type: job.Type,
    status: job.Status,
    stopped: job.Stop,
    ...(desired === undefined ? {} : { desired }),
    running: live.length,
    healthy: live.filter((alloc) => alloc.DeploymentStatus?.Healthy !== false).length,
    ...(job.LatestDeployment ? { deployment: job.LatestDeployment.Status } : {}),
  };
}

interface VaultHealth {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly version: string;
  readonly removed_from_cluster?: boolean;
}

async function observeVault(outputs: Outputs): Promise<VaultView> {
  const open = caller(outputs.apis.vault, outputs.ca.vault, {}, "Vault");
  const health = await open<VaultHealth>("/v1/sys/health", { accept: [429, 472, 473, 501, 503, 530] });
  const { initialized, sealed, version, removed_from_cluster: removed = false } = health;
  if (sealed || !initialized) return { initialized, sealed, version, peers: [], unsealed: [], removed };
  const get = caller(
    outputs.apis.vault,
    outputs.ca.vault,
    { "X-Vault-Token": await vaultLogin(outputs) },
    "Vault",
  );
  const [raft, ha] = await Promise.all([
    get<{ data: { config: { servers: { node_id: string; leader: boolean; voter: boolean }[] } } }>(
      "/v1/sys/storage/raft/configuration",
    ),
    get<{ data: { nodes: { hostname: string }[] } }>("/v1/sys/ha-status"),
  ]);
  return {
    initialized,
    sealed,
    version,
    peers: raft.data.config.servers.map(({ node_id, leader, voter }) => ({ name: node_id, leader, voter })),
    unsealed: ha.data.nodes.map(({ hostname }) => hostname),
    removed,
  };
}

/** Port of an https address. */
function endpoint(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || 443) };
}

async function observeCertificates(outputs: Outputs): Promise<CertificateView[]> {
  const { apis, ca } = outputs;
  const targets = (["consul", "nomad", "vault"] as const).map((service) => ({
    name: service,
    ...endpoint(apis[service].address),
    serverName: apis[service].serverName,
    ca: [ca[service] ?? ""],
  }));
  const site = outputs.siteUrl ? endpoint(outputs.siteUrl) : undefined;
  // Every load balancer must show the site's certificate, not only the one that the site's name leads to.
  const edges = site
    ? outputs.loadBalancers.flatMap(({ name, address }) =>
        address
          ? [
              {
                name: `site on ${name}`,
                host: address,
                port: site.port,
                serverName: site.host,
                ca: [ca.site ?? "", ...(outputs.acme ? rootCertificates : [])],
              },
            ]
          : [],
      )
    : [];
  return Promise.all(
    [...targets, ...edges].map(async ({ name, ...target }) => ({
      name,
      // An address is no name that could be asked for in the handshake; it is verified all the same.
      certificate: await look(
        servedCertificate({
          ...target,
          what: `certificate of ${name}`,
          sendName: isIP(target.serverName) === 0,
        }),
      ),
    })),
  );
}
