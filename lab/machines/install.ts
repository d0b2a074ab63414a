import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { LabError, messageOf, unknownMachine } from "./errors.js";
import type { BakedProgram } from "./image-layers.js";
import { openLab } from "./lab.js";
import { leaderOf } from "./machine.js";
import { placeProgram } from "./place-program.js";
import { readMachine, withMachineLock } from "./state.js";

/**
 * Puts programs of the toolchain onto a machine that runs: those that few need are not part of every image. Answers those
 * that were not there yet.
 */
export async function installPrograms(
  lab: string,
  name: string,
  programs: readonly string[],
  progress: (words: string) => void,
): Promise<string[]> {
  if (!readMachine(lab, name)) throw unknownMachine(lab, name);
  const tools = await toolsNamed(programs, progress);
  const open = await openLab(lab, undefined);
  return withMachineLock(lab, name, async () => {
    const leader = leaderOf(open, name);
    if (leader === undefined)
      throw new LabError(`Machine ${name} does not run, so nothing can be put onto it.`);
    // Through its own root: what lies below a mounted disk must not be written past it.
    const folder = `/proc/${leader}/root/opt/hashistack/bin`;
    if (!existsSync(folder)) throw new LabError(`Machine ${name} was made without programs (bake).`);
    const installed: string[] = [];
    for (const tool of tools) {
      if (sumOf(folder, tool) === tool.sha256) continue;
      installed.push(await placeProgram(folder, tool));
    }
    return installed;
  });
}

function sumOf(folder: string, { name, version }: BakedProgram): string | undefined {
  const file = join(folder, `${name}-${version}.sha256`);
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

async function toolsNamed(
  programs: readonly string[],
  progress: (words: string) => void,
): Promise<BakedProgram[]> {
  const { ensureTools } = await import("../toolchain/index.js");
  const onProgress = ({ tool, phase }: { tool: string; phase: string }) => progress(`${tool}: ${phase}`);
  try {
    return await ensureTools([...programs], { onProgress });
  } catch (error) {
    throw new LabError(`The programs for the machine are not to be had: ${messageOf(error)}`);
  }
}
