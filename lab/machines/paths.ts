import { existsSync, readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** The directory `lab/` of the checkout, whether this runs as source or as built code. */
export function labSource(): string {
  for (let at = __dirname; at !== "/"; at = dirname(at)) {
    if (existsSync(join(at, "lab/image/packages.txt"))) return join(at, "lab");
  }
  throw new Error(`lab/image/packages.txt was not found above ${__dirname}`);
}

/** A script beside this program. */
export const scriptPath = (name: string): string => join(labSource(), "machines/scripts", name);

/** Caches outlive labs and checkouts. */
export function cacheDir(environment: NodeJS.ProcessEnv = process.env): string {
  return (
    environment.HASHISTACK_CACHE ||
    join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "hashistack")
  );
}

/** What the lab's default name is made from. */
export const checkoutPath = (): string => realpathSync(process.cwd());

/** The lab whose machines a restored state manages, where it was made from another folder; undefined where there is none. */
export function rememberedLab(checkout: string): string | undefined {
  const file = join(checkout, ".hashistack", "lab");
  return existsSync(file) ? readFileSync(file, "utf8").trim() || undefined : undefined;
}
