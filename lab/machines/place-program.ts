import { chmod, copyFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BakedProgram } from "./image-layers.js";

/** Puts a program and its sum into a machine's folder of programs, the sum last. Answers the file's name. */
export async function placeProgram(folder: string, program: BakedProgram): Promise<string> {
  const file = `${program.name}-${program.version}`;
  const staged = join(folder, `.${file}`);
  await copyFile(program.path, staged);
  await chmod(staged, 0o755);
  await rename(staged, join(folder, file));
  await writeFile(join(folder, `${file}.sha256`), `${program.sha256}\n`, { mode: 0o644 });
  return file;
}
