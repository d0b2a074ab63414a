import { readFileSync } from "node:fs";
import { join, sep } from "node:path";

/**
 * Reads a file of the library that is no TypeScript: a program for a machine, a job. The build leaves them where they
 * are, so the compiled library looks beside its sources.
 *
 * @param path relative to components/. Example: "provisioning/machine/apply.py".
 */
export function readAsset(path: string): string {
  const components = join(__dirname, "..").replace(`${sep}dist${sep}components`, `${sep}components`);
  return readFileSync(join(components, path), "utf8");
}
