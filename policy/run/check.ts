import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EngineError, runEngine } from "../../cli/engine";
import { CliError } from "../../cli/errors";
import type { EngineEvent } from "../../cli/events";
import { findWorkspace } from "../../cli/workspace";
import { descriptionOf } from "../lib/pack";
import { rules } from "../rules";
import { preparePack } from "./pack";
import { type Rehearsal, rehearseLinode } from "./rehearse";

/** One thing that a rule said. */
export interface Said {
  readonly rule: string;
  /** mandatory: it stops the run. undecided: only `up` will know. */
  readonly kind: "mandatory" | "advisory" | "undecided";
  /** Name of the resource; undefined for the stack as a whole. */
  readonly resource?: string;
  readonly message: string;
}

export interface CheckOptions {
  stack: string;
  /** The project's folder, or one below it. Default: the working directory. */
  cwd?: string;
  /** Path of a policy configuration (JSON). */
  config?: string;
  /** Brings the stack up with the pack instead of looking at a preview of a first `up`. Default false. */
  up?: boolean;
  /** Asks an emulated Linode for what the program looks up, where there is no account. Default false. */
  rehearse?: boolean;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
}

export interface Checked {
  readonly said: readonly Said[];
  /** Whether the engine went to its end: no mandatory violation, and nothing else amiss. */
  readonly passed: boolean;
  readonly resources: number;
  readonly seconds: number;
}

/** Words that `@pulumi/policy` puts before what a rule could not decide. */
const undecided = /^can't run policy '[^']+' from policy pack '[^']+' during preview: /;

function saidBy(event: EngineEvent): Said | undefined {
  const { policyEvent } = event;
  if (!policyEvent) return undefined;
  const { policyName, enforcementLevel, resourceUrn, message } = policyEvent;
  const name = resourceUrn?.includes("::pulumi:pulumi:Stack::") ? undefined : resourceUrn?.split("::").at(-1);
  const open = undecided.test(message);
  const rule = rules.find((each) => each.name === policyName);
  // The engine puts the rule's description before what it says.
  const said = rule ? message.replace(descriptionOf(rule), "") : message;
  return {
    rule: policyName,
    kind: open ? "undecided" : enforcementLevel === "mandatory" ? "mandatory" : "advisory",
    ...(name ? { resource: name } : {}),
    message: said.replace(undecided, "").trim(),
  };
}

/** A project of the same files whose stack has no state. What lies in it are links, but for the state. */
function freshCopy(root: string, folder: string): void {
  for (const name of readdirSync(root)) {
    if (name !== ".hashistack" && name !== ".git") symlinkSync(join(root, name), join(folder, name));
  }
}

/**
 * Holds a stack's program to the pack, by the real engine: as if it were brought up for the first time, with a state of its
 * own that is thrown away. No machine is made, none is needed, and no root.
 * @throws EngineError when the engine failed for another reason than a violation; CliError when it could not start
 */
export async function check(options: CheckOptions): Promise<Checked> {
  const base = { ...(options.env ?? process.env) };
  const workspace = findWorkspace(options.cwd ?? process.cwd(), base);
  const settings = join(workspace.root, `Pulumi.${options.stack}.yaml`);
  if (!existsSync(settings))
    throw new CliError(
      `there are no settings of the stack "${options.stack}": ${workspace.root} has no Pulumi.${options.stack}.yaml`,
    );
  if (options.up && options.rehearse) throw new CliError("what is only rehearsed is not brought up");
  let rehearsal: Rehearsal | undefined;
  const folder = mkdtempSync(join(tmpdir(), "hashistack-policy-"));
  const said: Said[] = [];
  let resources = 0;
  const begun = performance.now();
  const done = (passed: boolean): Checked => ({
    said,
    passed,
    resources,
    seconds: (performance.now() - begun) / 1000,
  });
  try {
    const pack = preparePack(join(folder, ".pack"), base, options.config && resolve(options.config));
    if (options.rehearse) rehearsal = await rehearseLinode(settings);
    const env: NodeJS.ProcessEnv = { ...pack.env, ...rehearsal?.env };
    if (!options.up) {
      freshCopy(workspace.root, folder);
      const passphrase = join(workspace.directory, "passphrase");
      // The state is one's own; the user's passphrase is only to read what he has encrypted in the settings.
      delete env.PULUMI_BACKEND_URL;
      if (existsSync(passphrase) && !env.PULUMI_CONFIG_PASSPHRASE)
        env.PULUMI_CONFIG_PASSPHRASE_FILE ??= passphrase;
    }
    await runEngine({
      verb: options.up ? "up" : "preview",
      stack: options.stack,
      cwd: options.up ? workspace.root : folder,
      env,
      args: pack.args,
      readOutputs: false,
      ...(options.signal ? { signal: options.signal } : {}),
      onEvent: (event) => {
        const one = saidBy(event);
        if (one) said.push(one);
        // Each resource once: its own look comes with a summary.
        if ("policyAnalyzeSummaryEvent" in event) resources++;
      },
    });
    return done(true);
  } catch (error) {
    const violated = said.some(({ kind }) => kind === "mandatory");
    if (error instanceof EngineError && violated && error.exitCode === 1) return done(false);
    throw error;
  } finally {
    await rehearsal?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
