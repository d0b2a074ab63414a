import { strFromU8, strToU8, unzlibSync, zlibSync } from "fflate";

/** What one run of a program on a machine is told: the programs' texts and the input. */
export interface Bundle {
  /** Text of the loader. */
  readonly loader: string;
  /** The machine's logical name. */
  readonly machine: string;
  /** The module whose function runs. */
  readonly program: string;
  /** Python texts by module name. */
  readonly modules: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly input: object;
}

/**
 * A bundle as it travels and lies in the state: a fifth of its size, since the engine writes the whole state at each
 * step. The compressor is a library of ours and not Node's, whose output differs between versions and processors: then
 * a second `up` would find changes.
 */
export function packBundle(bundle: Bundle): string {
  return Buffer.from(zlibSync(strToU8(JSON.stringify(bundle)), { level: 6 })).toString("base64");
}

/** The reverse, for tests and for people who want to know what was sent. */
export function unpackBundle(packed: string): Bundle {
  return JSON.parse(strFromU8(unzlibSync(Buffer.from(packed, "base64")))) as Bundle;
}

/** How Python unpacks it and begins. */
export const unpackInPython =
  "import sys,json,zlib,base64;bundle=json.loads(zlib.decompress(base64.b64decode(sys.stdin.read())));exec(bundle['loader'])";
