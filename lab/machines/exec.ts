import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { exitCodes, LabError } from "./errors.js";
import { openLab } from "./lab.js";
import { leaderOf } from "./machine.js";
import {
  machineNamespace,
  namespacePath,
  outsideNamespace,
  routerNamespace,
  strangerNamespace,
} from "./names.js";
import { readMachine } from "./state.js";

export interface ExecOptions {
  readonly stranger?: boolean;
  readonly inside?: boolean;
}

/** Runs a program in a namespace of the lab with this program's own input and output. Answers its exit status. */
export async function execIn(
  lab: string,
  where: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<number> {
  const child = spawn("nsenter", [...(await entrance(lab, where, options)), "--", ...argv], {
    stdio: "inherit",
  });
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new LabError(`nsenter does not run: ${error.message}.`)));
    child.on("close", (code, signal) => resolve(statusOf(code, signal)));
  });
}

/** An exit status as a shell gives it: 128 and the signal's number for what a signal ended. */
export const statusOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? (signal ? 128 + constants.signals[signal] : exitCodes.failed);

async function entrance(lab: string, where: string, { stranger, inside }: ExecOptions): Promise<string[]> {
  const own: Record<string, string> = {
    router: routerNamespace(lab),
    outside: stranger ? strangerNamespace(lab) : outsideNamespace(lab),
    stranger: strangerNamespace(lab),
  };
  if (!own[where] && !readMachine(lab, where)) {
    throw new LabError(`The lab ${lab} has no machine or namespace "${where}".`, exitCodes.unknownMachine);
  }
  if (inside) {
    const leader = own[where] ? undefined : leaderOf(await openLab(lab, undefined), where);
    if (leader === undefined) throw new LabError(`There is no running machine "${where}" to go into.`);
    return [`--target=${leader}`, "--all"];
  }
  const path = namespacePath(own[where] ?? machineNamespace(lab, where));
  if (!existsSync(path))
    throw new LabError(`The lab ${lab} does not stand: "hashistack-lab resume" makes it stand again.`);
  return [`--net=${path}`];
}
