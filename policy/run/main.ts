/** `npm run policy -- <stack>`: holds a stack's program to the pack, by the real engine, without machines. */
import { EngineError } from "../../cli/engine";
import { CliError } from "../../cli/errors";
import { rules } from "../rules";
import { type Checked, check, type Said } from "./check";

/** It is an ES module, and this is none. */
const loadCommander = () => import("commander");

interface Flags {
  cwd?: string;
  config?: string;
  up: boolean;
  rehearse: boolean;
  json: boolean;
}

/** What was said of one rule, with why it is there and what to do. */
function textOf(name: string, all: readonly Said[]): string {
  const kind = all[0]?.kind ?? "advisory";
  const rule = rules.find((each) => each.name === name);
  const told = kind === "undecided" ? undefined : rule;
  return [
    `  ${kind.padEnd(9)}  ${name}`,
    ...all.map(({ resource, message }) => `    ${[resource, message].filter(Boolean).join(": ")}`),
    ...(told ? [`    why: ${told.what} ${told.why}`, `    do: ${told.remediation}`] : []),
  ].join("\n");
}

/** The report for a terminal. */
export function report(stack: string, { said, passed, resources, seconds }: Checked): string {
  const kinds = ["mandatory", "advisory", "undecided"] as const;
  const parts = kinds.flatMap((kind) => {
    const own = said.filter((one) => one.kind === kind);
    return [...new Set(own.map(({ rule }) => rule))].map((rule) =>
      textOf(
        rule,
        own.filter((one) => one.rule === rule),
      ),
    );
  });
  const violations = said.filter(({ kind }) => kind === "mandatory").length;
  const verdict = passed ? "passes" : `does not pass: ${violations} violation${violations === 1 ? "" : "s"}`;
  return [
    ...parts,
    `stack "${stack}" ${verdict} (${rules.length} rules, ${resources} resources, ${seconds.toFixed(1)} s)`,
  ].join("\n");
}

const interrupted = new AbortController();

async function run(stack: string, { cwd, config, up, rehearse, json }: Flags): Promise<void> {
  const checked = await check({ stack, cwd, config, up, rehearse, signal: interrupted.signal });
  process.stdout.write(
    `${json ? JSON.stringify({ stack, ...checked }, undefined, 2) : report(stack, checked)}\n`,
  );
  process.exitCode = checked.passed ? 0 : 1;
}

async function main(): Promise<void> {
  process.once("SIGINT", () => interrupted.abort());
  const { Command } = await loadCommander();
  await new Command("npm run policy --")
    .description("Holds a stack's program to the policy pack, by the real engine. No machine is made.")
    .argument("[stack]", "whose settings", "dev")
    .option(
      "--config <file>",
      "which rules stop and what they allow: JSON, as of pulumi's --policy-pack-config",
    )
    .option("--cwd <folder>", "the project, default: the working directory")
    .option("--up", "bring the stack up with the pack, instead of looking at a preview", false)
    .option(
      "--rehearse",
      "ask an emulated Linode for what the program looks up, where there is no account",
      false,
    )
    .option("--json", "what was said, for programs", false)
    .action(run)
    .parseAsync();
}

if (require.main === module) {
  main().catch((error: unknown) => {
    if (error instanceof EngineError)
      for (const { resource, message } of error.failures)
        console.error([resource, message].filter(Boolean).join(": "));
    console.error(error instanceof CliError ? error.message : error);
    process.exitCode = error instanceof CliError ? error.exitCode : 2;
  });
}
