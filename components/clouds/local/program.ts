import { existsSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";

/** The lab's program, a package of its own: `npm install hashistack-lab`. */
const name = "hashistack-lab";

const beside = (folder: string): string => join(folder, "node_modules", ".bin", name);

/**
 * The program that makes local machines: of the project, or of a folder above it (a workspace's root), or on PATH. It is
 * written into the state, so it is told relative to the project: another checkout of the same project changes nothing.
 *
 * @param project folder in which the program runs. Default: this process's
 * @throws a RunError of one sentence where it is not installed
 */
export function labProgram(project: string = process.cwd(), env: NodeJS.ProcessEnv = process.env): string {
  for (let folder = project; ; folder = dirname(folder)) {
    if (existsSync(beside(folder))) return relative(project, beside(folder));
    if (folder === dirname(folder)) break;
  }
  const onPath = (env.PATH ?? "").split(delimiter).some((folder) => folder && existsSync(join(folder, name)));
  if (onPath) return name;
  throw new pulumi.RunError(
    `Local machines are made by the program ${name}, which neither ${project} nor PATH has: npm install --save-dev ${name}.`,
  );
}
