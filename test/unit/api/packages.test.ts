import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules, createRequire } from "node:module";
import * as path from "node:path";
import { expect, test } from "vitest";

/** What each published package requires is among what it asks npm for: here all is there, in somebody's project it would not be. */

const root = path.join(__dirname, "../../..");

interface Manifest {
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const builtin = (name: string): boolean => name.startsWith("node:") || builtinModules.includes(name);

/** "@scope/name/deep" and "name/deep" are of the packages "@scope/name" and "name". */
const packageOf = (name: string): string =>
  (name.startsWith("@") ? /^[^/]+\/[^/]+/ : /^[^/]+/).exec(name)?.[0] ?? "";

/** A relative import's file of sources. */
function sourceOf(from: string, name: string): string | undefined {
  const base = path.resolve(path.dirname(from), name.replace(/\.js$/, ""));
  return [`${base}.ts`, path.join(base, "index.ts")].find((file) => existsSync(file));
}

/** Packages that are imported below a folder, and by what it imports where `follow` says so. */
function packagesIn(folder: string, follow: (file: string) => boolean): string[] {
  const files = new Set(
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts") && !file.includes("node_modules"))
      .map((file) => path.join(root, folder, file)),
  );
  const found = new Set<string>();
  for (const file of files) {
    if (/settings\/stack-schema\.ts$/.test(file)) continue;
    const text = readFileSync(file, "utf8");
    for (const [, kind, name = ""] of text.matchAll(
      /(?:^(?:import|export) (type )?(?:[^;]*?from )?|\bimport\(|\brequire\()"([^"]+)"/gm,
    )) {
      if (kind || builtin(name)) continue;
      const source = name.startsWith(".") ? sourceOf(file, name) : undefined;
      if (source && follow(path.relative(root, source))) files.add(source);
      if (!name.startsWith(".")) found.add(packageOf(name));
    }
  }
  return [...found].sort();
}

test.each([
  ["package.json", "components", () => false],
  ["lab/package.json", "lab", () => false],
  // The settings and the plan come along; what is the lab's, its own package brings.
  ["cli/package.json", "cli", (file: string) => file.startsWith("components/")],
  ["policy/package.json", "policy", (file: string) => /^policy\/(?!run)/.test(file)],
] as const)("%s", (manifest, folder, follow) => {
  const { dependencies, peerDependencies } = JSON.parse(
    readFileSync(path.join(root, manifest), "utf8"),
  ) as Manifest;
  const asked = Object.keys({ ...dependencies, ...peerDependencies });
  const wanted = packagesIn(folder, follow).filter(
    (name) => folder !== "policy" || !["commander", "js-yaml"].includes(name),
  );
  expect(wanted.length).toBeGreaterThan(0);
  expect(wanted.filter((name) => !asked.includes(name))).toEqual([]);
});

test("the lab's and the command line's packages ask for one version of each with the root's", () => {
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string }>;
  };
  for (const manifest of ["lab/package.json", "cli/package.json"]) {
    const { dependencies = {} } = JSON.parse(readFileSync(path.join(root, manifest), "utf8")) as Manifest;
    for (const [name, version] of Object.entries(dependencies)) {
      expect(`${name} ${lock.packages[`node_modules/${name}`]?.version}`).toBe(`${name} ${version}`);
    }
  }
});

test("an ES module can name all that the library exports", () => {
  const look = "import * as all from 'pulumi-hashistack'; console.log(JSON.stringify(Object.keys(all)));";
  const named = JSON.parse(
    execFileSync(process.execPath, ["--input-type=module", "-e", look], { cwd: root, encoding: "utf8" }),
  ) as string[];
  const exported = Object.keys(createRequire(path.join(root, "package.json"))("pulumi-hashistack"));
  expect(exported).toContain("Cluster");
  expect(named).toEqual(expect.arrayContaining(exported));
});
