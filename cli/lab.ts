/** The machines of the local cloud, as far as the command line has to do with them: by the lab's own program. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { labName } from "../lab/machines/names";
import { rememberedLab } from "../lab/machines/paths";
import { CliError } from "./errors";
import { usesLocalCloud } from "./root";
import type { Workspace } from "./workspace";

interface LabMachine {
  readonly name: string;
  readonly state: "running" | "stopped" | "dead";
}

const LIMIT_MS = 300_000;

async function lab(workspace: Workspace, verb: string): Promise<LabMachine[]> {
  const program = resolve(__dirname, "../../lab/bin/hashistack-lab.js");
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, verb], {
      cwd: workspace.root,
      timeout: LIMIT_MS,
      maxBuffer: 16 << 20,
    });
    return JSON.parse(stdout) as LabMachine[];
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    throw new CliError(`hashistack-lab ${verb}: ${said || (error as Error).message}`, 1);
  }
}

/** The lab in which the workspace's machines are. */
export function labOf(workspace: Workspace, env: NodeJS.ProcessEnv): string {
  const root = realpathSync(workspace.root);
  return labName(undefined, env.HASHISTACK_LAB || rememberedLab(root), root);
}

/** The machines of the stack's local cloud by name; undefined where it has another one. */
export async function localMachines(workspace: Workspace, stack: string): Promise<LabMachine[] | undefined> {
  const file = join(workspace.root, `Pulumi.${stack}.yaml`);
  if (!existsSync(file) || !usesLocalCloud(readFileSync(file, "utf8"))) return undefined;
  return lab(workspace, "list");
}

/**
 * Starts machines that ran when this host went down. The engine would not notice: it looks at nothing that is as it was
 * asked for.
 *
 * @returns a line for people, or none where nothing was to be done
 */
export async function resumeMachines(workspace: Workspace, stack: string): Promise<string[]> {
  const dead = ((await localMachines(workspace, stack)) ?? []).filter((machine) => machine.state === "dead");
  if (dead.length === 0) return [];
  await lab(workspace, "resume");
  return [`Started ${dead.length} machines that had gone down: ${dead.map(({ name }) => name).join(", ")}.`];
}
