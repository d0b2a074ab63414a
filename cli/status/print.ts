/** What `hashistack status` shows. Pure text. */
import type { Verdict } from "./judge";
import type { Look, Observation, RaftPeer } from "./observe";

const DAY_MS = 86_400_000;

function peersLine(peers: readonly RaftPeer[]): string {
  const leader = peers.find((peer) => peer.leader)?.name ?? "none";
  const voters = peers.filter((peer) => peer.voter).length;
  return `leader ${leader}, ${voters} voters`;
}

function section<T>(title: string, view: Look<T>, lines: (value: T) => string[]): string[] {
  const body = "value" in view ? lines(view.value) : [`not seen: ${view.why}`];
  return [`${title.padEnd(13)} ${body[0] ?? ""}`, ...body.slice(1).map((line) => `${" ".repeat(14)}${line}`)];
}

/** The report for people: what is there, then what is wrong. */
export function statusText(seen: Observation, verdict: Verdict): string {
  const lines = [
    ...section("Consul", seen.consul, (view) => [
      `${peersLine(view.peers)}, ${view.members.filter(({ status }) => status === "alive").length} members alive`,
    ]),
    ...section("Nomad", seen.nomad, (view) => [
      `${peersLine(view.peers)}, ${view.nodes.filter(({ status }) => status === "ready").length} nodes ready`,
    ]),
    ...section("Vault", seen.vault, (view) => [
      `${peersLine(view.peers)}, ${view.sealed ? "sealed" : `${view.unsealed.length} unsealed`}, version ${view.version}`,
    ]),
    ...section("Jobs", seen.nomad, (view) =>
      view.jobs.map((job) => {
        const count = job.desired === undefined ? job.status : `${job.running} of ${job.desired} running`;
        const healthy = job.desired === undefined ? "" : `, ${job.healthy} healthy`;
        return `${job.namespace}/${job.id} (${job.type}): ${job.stopped ? "stopped" : `${count}${healthy}`}`;
      }),
    ),
    ...section("Certificates", { value: seen.certificates }, (all) =>
      all.map(({ name, certificate }) => {
        if ("why" in certificate) return `${name}: not seen`;
        const days = Math.floor((certificate.value.notAfter - seen.at) / DAY_MS);
        return `${name}: ${days} days left, until ${new Date(certificate.value.notAfter).toISOString()}`;
      }),
    ),
    ...(seen.acme
      ? section("Public", seen.acme, (run) => [
          run ? `last run ${run.at}: ${run.result === "failed" ? "failed" : run.message}` : "no run yet",
        ])
      : []),
    "",
    ...conclusion(verdict),
  ];
  return lines.join("\n");
}

function conclusion(verdict: Verdict): string[] {
  if (verdict.exitCode === 0) return ["Everything is as it should be."];
  if (verdict.exitCode === 2) return ["The cluster could not be looked at:", ...bullets(verdict.unseen)];
  return ["Something is wrong:", ...bullets(verdict.problems)];
}

function bullets(sentences: readonly string[]): string[] {
  return sentences.map((sentence) => `  - ${sentence}`);
}

/** The same for programs. */
export function statusJson(seen: Observation, verdict: Verdict): string {
  return JSON.stringify(
    {
      healthy: verdict.exitCode === 0,
      problems: verdict.problems,
      unseen: verdict.unseen,
      at: new Date(seen.at).toISOString(),
      consul: seen.consul,
      nomad: seen.nomad,
      vault: seen.vault,
      certificates: seen.certificates.map(({ name, certificate }) =>
        "value" in certificate
          ? { name, notAfter: new Date(certificate.value.notAfter).toISOString() }
          : { name, why: certificate.why },
      ),
      ...(seen.acme ? { acme: seen.acme } : {}),
    },
    null,
    2,
  );
}
