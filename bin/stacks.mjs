/** What stacks a checkout has, as `npm stop` must know before it removes anything. Plain JavaScript without packages. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Stacks whose state lies in the checkout.
 * @param {string} root the checkout
 * @returns {{ name: string, local: boolean, resources: number | undefined }[]} `local`: whether its machines are in this
 *   host; `resources`: undefined where the state cannot be read, and so nobody knows
 */
export function stacksHere(root) {
  const stacks = join(root, ".hashistack", "state", ".pulumi", "stacks");
  if (!existsSync(stacks)) return [];
  return readdirSync(stacks).flatMap((project) =>
    readdirSync(join(stacks, project)).flatMap((file) => {
      const name = /^(.+)\.json(\.gz)?$/.exec(file)?.[1];
      if (name === undefined) return [];
      const settings = join(root, `Pulumi.${name}.yaml`);
      // Without its settings nobody knows where a stack's machines are: it is not ours to end.
      const local = existsSync(settings) && isLocal(readFileSync(settings, "utf8"));
      return [{ name, local, resources: resourceCount(join(stacks, project, file)) }];
    }),
  );
}

/** The same rule as cli/root.ts: local machines are the default cloud. */
export function isLocal(settings) {
  const said = settings.replace(/(^|\s)#.*$/gm, "");
  const kind = /^[ \t]*["']?hashistack:cloud["']?:[\s\S]*?\bkind["']?:[ \t]*["']?(\w+)/m.exec(said)?.[1];
  return kind === undefined || kind === "local";
}

function resourceCount(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).checkpoint?.latest?.resources?.length ?? 0;
  } catch {
    // Half written by a killed run, or packed.
    return undefined;
  }
}

/**
 * Settings that only the checkout's passphrase opens: those with a salt of their own, which a stack whose state lies elsewhere
 * has, and so has one that keeps a secret in its file.
 * @param {string} root the checkout
 * @returns {string[]} names of files
 */
export function sealedSettings(root) {
  return readdirSync(root).filter(
    (file) =>
      /^Pulumi\..+\.yaml$/.test(file) && /^encryptionsalt:/m.test(readFileSync(join(root, file), "utf8")),
  );
}
