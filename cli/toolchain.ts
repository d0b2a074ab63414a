/** The programs that the commands start: where they lie, and the environment in which they are found. */
import { delimiter, dirname } from "node:path";
import { engineEnvironment, ensureTools } from "../lab/toolchain";
import { CliError } from "./errors";

/** What a user of the cluster wants at hand. */
export const TOOLS = ["consul", "nomad", "vault"] as const;

/**
 * `base` with the engine, its language host and its plugins first on PATH. Gets what is missing first.
 * @throws CliError with the toolchain's own sentence.
 */
export async function withEngine(base: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const { pathEntries, env } = await toolchain(() => engineEnvironment());
  return { ...base, ...env, PATH: prepend(pathEntries, base.PATH) };
}

/** Folders of the cluster's own programs, in the versions that the cluster runs. Gets what is missing first. */
export async function toolPathEntries(names: readonly string[] = TOOLS): Promise<string[]> {
  const tools = await toolchain(() =>
    ensureTools(names, {
      onProgress: ({ tool, phase }) => {
        if (!phase.startsWith("ready (")) process.stderr.write(`hashistack: ${tool}: ${phase}\n`);
      },
    }),
  );
  return [...new Set(tools.map((tool) => dirname(tool.path)))];
}

export function prepend(folders: readonly string[], path: string | undefined): string {
  return [...folders, path ?? ""].filter(Boolean).join(delimiter);
}

async function toolchain<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new CliError(`the toolchain is not ready: ${(error as Error).message}`);
  }
}
