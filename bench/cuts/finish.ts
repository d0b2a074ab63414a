/** The command line, as a user runs it after a cut. */
import { join } from "node:path";
import { checkout } from "../lab";
import type { Project } from "../project";
import { type Ran, runAny } from "../run";

/** `hashistack …` in a project's folder. */
export function hashistack(project: Project, ...words: string[]): Promise<Ran> {
  return runAny([process.execPath, join(checkout(), "cli/bin/hashistack.js"), ...words], {
    what: `hashistack ${words[0]}`,
    cwd: project.workspace.root,
    env: project.env,
    timeoutSeconds: 600,
  });
}

/** What `recover` said, of all that a command wrote on standard error. */
export function recovered(stderr: string): string[] {
  return stderr.split("\n").filter((line) => /cut run|Started \d+ machines/.test(line));
}
