/** What a stack's settings protect from being destroyed. */
import { existsSync, readFileSync } from "node:fs";
import { runPulumi } from "./engine";
import { CliError } from "./errors";
import { parseUrn } from "./events";
import { checkpointFile, type Workspace } from "./workspace";

interface Resources {
  readonly resources?: readonly { readonly urn: string; readonly protect?: boolean }[];
}

/** Names of the resources that are protected, in an exported state or in a file backend's checkpoint. Pure. */
export function protectedNames(text: string): string[] {
  const { deployment, checkpoint } = JSON.parse(text) as {
    deployment?: Resources;
    checkpoint?: { latest?: Resources };
  };
  const { resources = [] } = deployment ?? checkpoint?.latest ?? {};
  const names = resources.filter(({ protect }) => protect).map(({ urn }) => parseUrn(urn).name);
  return [...new Set(names)];
}

/**
 * Throws where something may not be destroyed. The engine notices too, but only when it comes to it: by then it has taken
 * away much of the rest.
 */
export async function refuseProtected(workspace: Workspace, stack: string): Promise<void> {
  const checkpoint = checkpointFile(workspace, stack);
  const words = ["stack", "export", "--stack", stack, "--non-interactive"];
  const text =
    workspace.ownBackend && existsSync(checkpoint)
      ? readFileSync(checkpoint, "utf8")
      : await runPulumi(workspace, words);
  const names = protectedNames(text);
  if (names.length === 0) return;
  throw new CliError(
    `stack "${stack}" is not destroyed, for ${names.join(", ")} ${names.length === 1 ? "is" : "are"} protected: ` +
      `set "protect: false" in hashistack:cloud, run "npx hashistack up --stack ${stack}", then destroy`,
  );
}
