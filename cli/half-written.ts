/**
 * What a kill leaves half-written in a file backend. Its library writes an object's attributes in place and its content beside,
 * to be renamed (gocloud.dev/blob/fileblob: setAttrs, createTemp): so a content is always whole, but its attributes may be cut
 * off, and then the engine cannot read the object ("EOF"); and a content that was never renamed looks like one more object.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/**
 * Deletes cut-off attributes, without which an object is as good (they hold a checksum and a content type), and contents that were
 * never renamed.
 * @param prefix of the names to look at. Default: all
 * @returns the names of what was deleted
 */
export function clearHalfWritten(folder: string, prefix = ""): string[] {
  if (!existsSync(folder)) return [];
  const cut = readdirSync(folder).filter(
    (name) =>
      name.startsWith(prefix) &&
      (/\.\d+\.tmp$/.test(name) || (name.endsWith(".attrs") && !isJson(join(folder, name)))),
  );
  for (const name of cut) rmSync(join(folder, name), { force: true });
  return cut;
}

function isJson(file: string): boolean {
  try {
    JSON.parse(readFileSync(file, "utf8"));
    return true;
  } catch {
    return false;
  }
}
