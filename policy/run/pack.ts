import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";

/**
 * The pack of this checkout, so that any engine can run it. A pack of the runtime `nodejs` is run by the engine's
 * language host, and those that are built from the public Go module cannot: they are from before packs were theirs. A
 * runtime of its own has no language host; then the engine starts `pulumi-analyzer-policy-<runtime>`, which it finds on PATH.
 */
const runtime = "hashistack-pack";

/** The checkout: the folder in which policy/PulumiPolicy.yaml lies. Works from the sources and from dist/. */
export function checkout(from: string = __dirname): string {
  if (existsSync(join(from, "policy", "PulumiPolicy.yaml"))) return from;
  if (dirname(from) === from) throw new Error("there is no policy/PulumiPolicy.yaml in a folder above");
  return checkout(dirname(from));
}

export interface PreparedPack {
  /** Arguments for `pulumi preview` or `pulumi up`. */
  readonly args: readonly string[];
  /** The environment in which the engine finds how to run it. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Lays a pack into `folder`, which must be empty or not be there.
 * @param config path of a policy configuration (JSON)
 */
export function preparePack(folder: string, base: NodeJS.ProcessEnv, config?: string): PreparedPack {
  const root = checkout();
  const main = join(root, "dist", "policy", "index.js");
  if (!existsSync(main)) throw new Error(`${main} is not there: run "npm run build" first`);
  const { name, version } = JSON.parse(readFileSync(join(root, "policy", "package.json"), "utf8"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "PulumiPolicy.yaml"), `runtime: ${runtime}\n`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, main }));
  // As Pulumi's own script of this name does it: that module serves the pack that lies in the working directory.
  const host = createRequire(main).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  const script = join(folder, `pulumi-analyzer-policy-${runtime}`);
  writeFileSync(script, `#!/usr/bin/env node\nrequire(${JSON.stringify(host)});\n`);
  chmodSync(script, 0o755);
  return {
    args: ["--policy-pack", folder, ...(config ? ["--policy-pack-config", config] : [])],
    env: { ...base, PATH: [folder, base.PATH].filter(Boolean).join(delimiter) },
  };
}
