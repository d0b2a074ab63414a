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
async function failureOf(outputs: Outputs, { namespace }: Acme, run: NomadRun): Promise<string | undefined> {
  const of = `/v1/job/${encodeURIComponent(run.ID)}/allocations?${new URLSearchParams({ namespace })}`;
  const nomad = nomadOf(outputs);
  const allocations = (await nomad<Allocation[] | null>(of)) ?? [];
  const failed = allocations.find(({ ClientStatus }) => ClientStatus === "failed" || ClientStatus === "lost");
  if (!failed) return allocations.length === 0 ? "Nomad found no place for it" : undefined;
  const [[task = "", state] = []] = Object.entries(failed.TaskStates ?? {});
  const events = state?.Events ?? [];
  if (events.some(({ Type }) => Type === "Started")) {
    const query = new URLSearchParams({ namespace, task, type: "stderr", plain: "true" });
    const where = { origin: "end", offset: "2000" };
    for (const [name, value] of Object.entries(where)) query.set(name, value);
    const log = await nomad<string>(`/v1/client/fs/logs/${failed.ID}?${query}`, {
      text: true,
    }).catch(() => "");
    const last = log.trim().split("\n").at(-1);
    if (last) return last.replace(/^acme: no certificate: /, "");
  }
  const words = events.filter(({ Type }) => /Fail|Terminated|Error/.test(Type)).at(-1)?.DisplayMessage;
  return words ?? `its allocation is ${failed.ClientStatus}`;
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
  const why = await failureOf(outputs, acme, newest);
  return why === undefined ? kept : { at, result: "failed", message: why };
}

export interface RenewOptions extends StackOptions {
  /** Ask for a certificate though none is due. */
  force: boolean;
  /** Minutes. */
  limit: number;
}

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
  const end = Date.now() + options.limit * 60_000;
  const ended = async (what: string, run: () => Promise<NomadRun | undefined>): Promise<NomadRun> => {
    for (;;) {
      const found = await run();
      if (found?.Status === "dead") return found;
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
  const since = Date.now();
  const query = new URLSearchParams({ namespace: acme.namespace });
  await nomadOf(outputs)(`/v1/job/${encodeURIComponent(acme.job)}/periodic/force?${query}`, {
    method: "POST",
  });
  process.stderr.write(
    "The run has begun; until a domain's servers tell of a record, some minutes may pass.\n",
  );
  const run = await ended("the run", async () => {
    const newest = await newestRun(outputs, acme);
    return newest && newest.ID !== before?.ID ? newest : undefined;
  });
  const failed = await failureOf(outputs, acme, run);
  if (failed !== undefined) throw new CliError(`no certificate: ${failed}`, 1);
  const kept = await keptRun(outputs, acme);
  const took = Math.round((Date.now() - since) / 1000);
  process.stdout.write(`${kept?.message ?? "the run has ended"} (${took} s)\n`);
  return 0;
}
