/** The job that gets public certificates: what came of its last run, and a run by hand. */
import { setTimeout as sleep } from "node:timers/promises";
import { caller } from "./caller";
import { CliError } from "./errors";
import { openWorkspace, type StackOptions } from "./options";
import { loadOutputs, type Outputs } from "./outputs";
import { vaultLogin } from "./toolEnv";

type Acme = NonNullable<Outputs["acme"]>;

/** What came of the last run. */
export interface AcmeRun {
  /** ISO 8601. */
  readonly at: string;
  readonly result: "issued" | "kept" | "failed" | "running";
  /** A sentence: why one was issued, until when none is due, why none could be had. */
  readonly message: string;
}

interface NomadRun {
  readonly ID: string;
  readonly Status: string;
  /** Nanoseconds since the Unix epoch. */
  readonly SubmitTime: number;
}

interface Allocation {
  readonly ID: string;
  readonly CreateIndex: number;
  readonly ClientStatus: string;
  readonly TaskStates: Record<
    string,
    { Events: { Type: string; DisplayMessage: string }[] | null; StartedAt?: string }
  > | null;
}

const PAUSE_MS = 500;

const nomadOf = ({ apis, ca, nomadToken }: Outputs) =>
  caller(apis.nomad, ca.nomad, { "X-Nomad-Token": nomadToken }, "Nomad");

const vaultOf = async (outputs: Outputs) =>
  caller(outputs.apis.vault, outputs.ca.vault, { "X-Vault-Token": await vaultLogin(outputs) }, "Vault");

/** The newest run that Nomad remembers; it forgets one some hours after its end. */
async function newestRun(outputs: Outputs, { job, namespace }: Acme): Promise<NomadRun | undefined> {
  const query = new URLSearchParams({ namespace, prefix: `${job}/periodic-` });
  const runs = await nomadOf(outputs)<NomadRun[] | null>(`/v1/jobs?${query}`);
  return (runs ?? []).reduce<NomadRun | undefined>(
    (newest, run) => (newest && newest.SubmitTime >= run.SubmitTime ? newest : run),
    undefined,
  );
}

/** Why a run ended badly, in its own words or in Nomad's; undefined where it did not. */
async function failureOf(outputs: Outputs, { namespace }: Acme, run: string): Promise<string | undefined> {
  const of = `/v1/job/${encodeURIComponent(run)}/allocations?${new URLSearchParams({ namespace })}`;
  const nomad = nomadOf(outputs);
  const allocations = (await nomad<Allocation[] | null>(of)) ?? [];
  // Of two runs within one second, which have one name, the later counts.
  const last = allocations.sort((one, other) => one.CreateIndex - other.CreateIndex).at(-1);
  if (!last) return "Nomad found no place for it";
  if (last.ClientStatus !== "failed" && last.ClientStatus !== "lost") return undefined;
  const [[task = "", state] = []] = Object.entries(last.TaskStates ?? {});
  const events = state?.Events ?? [];
  if (events.some(({ Type }) => Type === "Started")) {
    const query = new URLSearchParams({ namespace, task, type: "stderr", plain: "true" });
    const where = { origin: "end", offset: "2000" };
    for (const [name, value] of Object.entries(where)) query.set(name, value);
    const log = await nomad<string>(`/v1/client/fs/logs/${last.ID}?${query}`, {
      text: true,
    }).catch(() => "");
    const told = log.trim().split("\n").at(-1);
    if (told) return told.replace(/^acme: no certificate: /, "");
  }
  const words = events.filter(({ Type }) => /Fail|Terminated|Error/.test(Type)).at(-1)?.DisplayMessage;
  return words ?? `its allocation is ${last.ClientStatus}`;
}

/** What the run itself kept in Vault, which outlives what Nomad remembers. */
async function keptRun(outputs: Outputs, { run }: Acme): Promise<AcmeRun | undefined> {
  const vault = await vaultOf(outputs);
  const answer = await vault<{ data?: { data?: AcmeRun | null } | null }>(`/v1/${run}`, {
    accept: [404],
  });
  return answer.data?.data ?? undefined;
}

/** What came of the last run; undefined where there was none. */
export async function lastRun(outputs: Outputs, acme: Acme): Promise<AcmeRun | undefined> {
  const [newest, kept] = await Promise.all([newestRun(outputs, acme), keptRun(outputs, acme)]);
  if (!newest) return kept;
  const began = Math.floor(newest.SubmitTime / 1e6);
  const at = new Date(began).toISOString();
  if (newest.Status !== "dead") return { at, result: "running", message: "a run is under way" };
  // It keeps the moment of its own beginning, which is cut to the second.
  if (kept && Date.parse(kept.at) >= began - 1000) return kept;
  const why = await failureOf(outputs, acme, newest.ID);
  return why === undefined ? kept : { at, result: "failed", message: why };
}

export interface RunOptions {
  /** Ask for a certificate though none is due. */
  force: boolean;
  /** Minutes. */
  limit: number;
}

export interface RenewOptions extends StackOptions, RunOptions {}

/** `hashistack acme renew`: a run now, and what comes of it. Gives the exit code. */
export async function renew(options: RenewOptions): Promise<number> {
  if (!(options.limit > 0 && Number.isFinite(options.limit)))
    throw new CliError("--limit must be a number of minutes above 0");
  const outputs = await loadOutputs(openWorkspace(options), options.stack);
  const { acme } = outputs;
  if (!acme)
    throw new CliError(
      `stack "${options.stack}" has no setting hashistack:acme: nobody asks for public certificates`,
    );
  const began = Date.now();
  const told = await runNow(outputs, acme, options);
  process.stdout.write(`${told} (${Math.round((Date.now() - began) / 1000)} s)\n`);
  return 0;
}

/**
 * Begins a run, after one that is under way, and waits for its end. Gives what it says.
 *
 * @throws CliError where no certificate came of it, or no end within the limit
 */
export async function runNow(outputs: Outputs, acme: Acme, options: RunOptions): Promise<string> {
  const nomad = nomadOf(outputs);
  const query = new URLSearchParams({ namespace: acme.namespace });
  const end = Date.now() + options.limit * 60_000;
  const ended = async (what: string, look: () => Promise<NomadRun | undefined>): Promise<void> => {
    while ((await look())?.Status !== "dead") {
      if (Date.now() > end) {
        throw new CliError(
          `${what} has not ended within ${options.limit} minutes; "hashistack status" tells of it`,
        );
      }
      await sleep(PAUSE_MS);
    }
  };
  const before = await newestRun(outputs, acme);
  if (before && before.Status !== "dead") {
    process.stderr.write("A run is under way already: it is waited for first.\n");
    await ended("the run that was under way", () => newestRun(outputs, acme));
  }
  if (options.force) {
    const vault = await vaultOf(outputs);
    await vault(`/v1/${acme.force}`, { method: "PUT", body: { data: { at: new Date().toISOString() } } });
  }
  const begun = await nomad<{ EvalID: string }>(
    `/v1/job/${encodeURIComponent(acme.job)}/periodic/force?${query}`,
    { method: "POST" },
  );
  process.stderr.write(
    "The run has begun; until a domain's servers tell of a record, some minutes may pass.\n",
  );
  // Nomad names a run by its second, so that it may have the name of one that ended a moment ago.
  const { JobID } = await nomad<{ JobID: string }>(`/v1/evaluation/${begun.EvalID}?${query}`);
  await ended("the run", () => nomad<NomadRun>(`/v1/job/${encodeURIComponent(JobID)}?${query}`));
  const failed = await failureOf(outputs, acme, JobID);
  if (failed !== undefined) throw new CliError(`no certificate: ${failed}`, 1);
  return (await keptRun(outputs, acme))?.message ?? "the run has ended";
}
