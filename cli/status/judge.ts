/** Says what is wrong with an observed cluster, a sentence each. Pure. */
import type { AcmeRun } from "../acme";
import type { Outputs } from "../outputs";
import type {
  CertificateView,
  ConsulView,
  Look,
  NomadView,
  Observation,
  RaftPeer,
  VaultView,
} from "./observe";

/** What the cluster shall have, from the stack's outputs. */
export interface Expected {
  readonly consulServers: readonly string[];
  readonly vaultServers: readonly string[];
  readonly nomadServers: readonly string[];
  readonly nomadClients: readonly string[];
  /** Machines with a Consul agent, servers included. */
  readonly consulMembers: readonly string[];
}

export interface Verdict {
  /** Something is wrong. */
  readonly problems: readonly string[];
  /** Something could not be looked at. */
  readonly unseen: readonly string[];
  /** 0 healthy, 1 something is wrong, 2 could not look. */
  readonly exitCode: 0 | 1 | 2;
}

/** Leaves live 30 days and are renewed with 10 left: with fewer than these, renewal does not work. */
const RENEWAL_OVERDUE_DAYS = 8;
/** The same of a shorter life, which is renewed with a third left, too. */
const RENEWAL_OVERDUE_SHARE = RENEWAL_OVERDUE_DAYS / 30;
const DAY_MS = 86_400_000;
/** The job that gets public certificates looks twice a day: after this time two looks are missing. */
const LOOKS_OVERDUE_DAYS = 1.1;

/** What the outputs promise. */
export function expectedOf(outputs: Outputs): Expected {
  const having = (role: string): string[] =>
    Object.entries(outputs.machines)
      .filter(([, machine]) => machine.roles.includes(role))
      .map(([name]) => name)
      .sort();
  const daemons = ["consul-server", "vault-server", "nomad-server", "nomad-client"];
  return {
    consulServers: having("consul-server"),
    vaultServers: having("vault-server"),
    nomadServers: having("nomad-server"),
    nomadClients: having("nomad-client"),
    consulMembers: [...new Set(daemons.flatMap(having))].sort(),
  };
}

/** Judges one observation. */
export function judge(seen: Observation, expected: Expected): Verdict {
  const problems: string[] = [];
  const unseen: string[] = [];
  const part = <T>(view: Look<T>, check: (value: T) => string[]): void => {
    if ("value" in view) problems.push(...check(view.value));
    else unseen.push(view.why);
  };
  part(seen.consul, (view) => judgeConsul(view, expected));
  part(seen.nomad, (view) => judgeNomad(view, expected));
  part(seen.vault, (view) => judgeVault(view, expected));
  for (const certificate of seen.certificates) problems.push(...judgeCertificate(certificate, seen.at));
  if (seen.acme) part(seen.acme, (run) => judgeRun(run, seen.at));
  // One that does not answer while the others do is down; when none answers, the way there may be.
  const blind = [seen.consul, seen.nomad, seen.vault].every((view) => "why" in view);
  if (blind) return { problems: [], unseen, exitCode: 2 };
  const all = [...problems, ...unseen];
  return { problems: all, unseen, exitCode: all.length > 0 ? 1 : 0 };
}

/**
 * The machines of which none is seen. A daemon's name is the machine's name in the cloud, `<cluster>-<name>-<suffix>`,
 * or that with a region behind it.
 */
export function lacking(wanted: readonly string[], seen: readonly string[]): string[] {
  const plain = seen.map((name) => name.replace(/\..*$/, "").replace(/-[0-9a-f]{8}$/, ""));
  return wanted.filter((name) => !plain.some((each) => each === name || each.endsWith(`-${name}`)));
}

function lackingSentence(what: string, wanted: readonly string[], seen: readonly string[]): string[] {
  const names = lacking(wanted, seen);
  return names.length > 0 ? [`${what}: ${names.join(", ")} ${names.length > 1 ? "are" : "is"} missing.`] : [];
}

function judgePeers(service: string, peers: readonly RaftPeer[], servers: readonly string[]): string[] {
  const problems: string[] = [];
  const wanted = servers.length;
  const leaders = peers.filter((peer) => peer.leader).length;
  if (leaders !== 1) problems.push(`${service} has ${leaders === 0 ? "no leader" : `${leaders} leaders`}.`);
  const voters = peers.filter((peer) => peer.voter).length;
  if (voters !== wanted) problems.push(`${service} has ${voters} voters instead of ${wanted}.`);
  const others = peers.filter((peer) => !peer.voter).map((peer) => peer.name);
  if (others.length > 0) problems.push(`${service}: ${others.join(", ")} in the quorum without a vote.`);
  return problems;
}

function judgeConsul(view: ConsulView, expected: Expected): string[] {
  const problems = judgePeers("Consul", view.peers, expected.consulServers);
  if (view.leader === "") problems.push("Consul says that it has no leader.");
  const lost = view.members.filter(({ status }) => status === "failed" || status === "leaving");
  for (const { name, status } of lost) problems.push(`Consul member ${name} is ${status}.`);
  const alive = view.members.filter(({ status }) => status === "alive").map(({ name }) => name);
  problems.push(...lackingSentence("Consul's living members", expected.consulMembers, alive));
  for (const { node, service, check, status } of view.checks.filter(({ ran }) => ran)) {
    problems.push(`Consul check "${check}"${service ? ` of ${service}` : ""} on ${node} is ${status}.`);
  }
  return problems;
}

function judgeNomad(view: NomadView, expected: Expected): string[] {
  const problems = judgePeers("Nomad", view.peers, expected.nomadServers);
  if (view.leader === "") problems.push("Nomad says that it has no leader.");
  for (const { name, status } of view.servers) {
    if (status !== "alive" && status !== "left") problems.push(`Nomad server ${name} is ${status}.`);
  }
  const alive = view.servers.filter(({ status }) => status === "alive").map(({ name }) => name);
  problems.push(...lackingSentence("Nomad's living servers", expected.nomadServers, alive));
  const known = view.nodes.map(({ name }) => name);
  problems.push(...lackingSentence("Nomad's nodes", expected.nomadClients, known));
  for (const { name, status, eligible, draining } of view.nodes) {
    if (status === "initializing")
      problems.push(
        `Nomad node ${name} is initializing: if it stays so, Nomad waits for news of a task there (docs/operations.md).`,
      );
    else if (status !== "ready") problems.push(`Nomad node ${name} is ${status}.`);
    else if (draining) problems.push(`Nomad node ${name} is being drained.`);
    else if (!eligible) problems.push(`Nomad node ${name} takes no new work (it is ineligible).`);
  }
  for (const job of view.jobs) {
    if (job.stopped || job.desired === undefined) continue;
    const name = `Job ${job.namespace}/${job.id}`;
    if (job.running < job.desired) problems.push(`${name} runs ${job.running} of ${job.desired} instances.`);
    if (job.healthy < job.running)
      problems.push(`${name} has ${job.running - job.healthy} unhealthy instances.`);
    if (job.desired === 0) problems.push(`${name} runs nowhere.`);
    if (job.deployment === "failed") problems.push(`${name}: its last deployment failed.`);
  }
  return problems;
}

function judgeVault(view: VaultView, expected: Expected): string[] {
  if (!view.initialized) return ["Vault is not initialised."];
  if (view.removed) {
    return [
      "One of Vault's servers takes itself for removed from the cluster: npx hashistack up --repair makes it join anew.",
    ];
  }
  if (view.sealed) return ["Vault is sealed."];
  const problems = judgePeers("Vault", view.peers, expected.vaultServers);
  problems.push(...lackingSentence("Vault's unsealed servers", expected.vaultServers, view.unsealed));
  return problems;
}

function judgeCertificate({ name, certificate }: CertificateView, now: number): string[] {
  if ("why" in certificate) return [`${certificate.why}.`];
  const { notBefore, notAfter } = certificate.value;
  const days = (notAfter - now) / DAY_MS;
  if (days < 0) return [`The certificate of ${name} has expired.`];
  const life = (notAfter - notBefore) / DAY_MS;
  if (days < Math.min(RENEWAL_OVERDUE_DAYS, life * RENEWAL_OVERDUE_SHARE)) {
    return [`The certificate of ${name} ends in ${Math.floor(days)} days and should have been renewed.`];
  }
  return [];
}

function judgeRun(run: AcmeRun | undefined, now: number): string[] {
  if (!run) return ["No public certificate was asked for yet."];
  if (run.result === "failed") return [`No public certificate at ${run.at}: ${run.message}`];
  if (now - Date.parse(run.at) > LOOKS_OVERDUE_DAYS * DAY_MS) {
    return [`Nobody has looked since ${run.at} whether a public certificate is due.`];
  }
  return [];
}
