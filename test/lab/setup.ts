import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { presentImage } from "../../lab/machines/image";
import { locate } from "../../lab/toolchain/ensure";
import { defaultToolchain } from "../../lab/toolchain/index";

/**
 * Runs once before the lab's tests: they need root, the build, the programs and the machines' image, and make none of
 * it themselves, so that what takes long is seen where it is done.
 */
export default async function setup(): Promise<void> {
  const missing: string[] = [];
  const root = resolve(__dirname, "../..");
  if (process.getuid?.() !== 0) missing.push("root: run them with sudo");
  if (!existsSync(join(root, "dist", "lab", "machines", "main.js"))) missing.push("the build: npm run build");
  const chain = defaultToolchain();
  const found = await locate(chain, chain.manifest);
  const absent = chain.manifest.filter((_, index) => !found[index]).map(({ name }) => name);
  if (absent.length > 0) missing.push(`${absent.join(", ")}: npm run toolchain -- --optional`);
  if (!presentImage(true)) missing.push("the machines' image: npx hashistack-lab image --bake");
  const { hasDebianTree } = await import("./debian/tree.mjs");
  if (!hasDebianTree()) missing.push("the tests' Debian programs: node test/lab/debian/tree.mjs");
  if (missing.length > 0) {
    throw new Error(
      `the lab's tests need what is not there:\n${missing.map((line) => `  - ${line}`).join("\n")}`,
    );
  }
}
