#!/usr/bin/env node
/**
 * Makes the packages that are published, as .tgz files in dist/packages: the library and the policy pack as `npm pack` makes
 * them of their folders, the lab and the command line from what of dist/ is theirs. Prints the files' paths, one a line.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./host.mjs";
import { node, run, StepError } from "./steps.mjs";
import { wordsTyped } from "./words.mjs";

const help = `npm run pack · npm run release [-- --dry-run]

Makes the packages that are published, as .tgz files in dist/packages, and prints their paths, one a line.

  --publish  publishes them, in the order in which they need each other (npm run release says this)
  --dry-run  with it: says what would be published
  --help     this

Exit codes: 0 made · 1 it failed · 2 it was not understood`;

const out = join(root, "dist", "packages");
const json = (...path) => JSON.parse(readFileSync(join(root, ...path), "utf8"));
const library = json("package.json");

/** Files below a folder of the checkout, relative to the checkout. */
const below = (folder, wanted) =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));

/** A package's folder with files of the checkout at their places: programs find what they need as they do there. */
function stage(own, files, changes) {
  const { private: _, ...described } = json(own, "package.json");
  const to = join(out, described.name);
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(root, file), join(to, file));
  }
  cpSync(join(root, own, "README.md"), join(to, "README.md"));
  cpSync(join(root, "LICENSE"), join(to, "LICENSE"));
  const bin = Object.fromEntries(
    Object.entries(described.bin).map(([name, file]) => [name, `${own}/${file}`]),
  );
  const { engines, publishConfig, repository } = library;
  const whole = { ...described, bin, engines, publishConfig, repository, ...changes };
  writeFileSync(join(to, "package.json"), `${JSON.stringify(whole, null, 2)}\n`);
  return to;
}

const isCode = (name) => name.endsWith(".js");

function stageLab() {
  // What is read at run time has many endings.
  const described = ["package.json", "README.md"];
  const files = below("lab", (name) => !name.endsWith(".ts") && !described.includes(name));
  const own = files.filter((file) => !/\/(node_modules|__pycache__)\//.test(file));
  return stage("lab", [...own, ...below("dist/lab", isCode)], {});
}

/** Files of dist/ that a file requires by a path, relative to the checkout. */
function requiredBy(file) {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/require\("(\.{1,2}\/[^"]+)"\)/g)].map(([, wanted]) => {
    const at = join(dirname(file), wanted);
    const found = [at, `${at}.js`, `${at}/index.js`].find(
      (one) => one.endsWith(".js") && existsSync(join(root, one)),
    );
    if (!found) throw new StepError(`${file} requires ${wanted}, which is no file of dist/`);
    return found;
  });
}

/**
 * What the command line takes of the lab is the lab's package's: at its place stands a file that hands it on. What it takes of the
 * library (settings, and what they come to) is plain data and comes along: the library itself would bring the providers' SDKs.
 */
function stageCli() {
  const version = library.version;
  const lab = json("lab", "package.json").name;
  const code = new Set(below("dist/cli", isCode));
  const taken = new Set(["lab/bin/hashistack-lab.js"]);
  for (const file of code) {
    for (const wanted of requiredBy(file)) (wanted.startsWith("dist/lab/") ? taken : code).add(wanted);
  }
  const { dependencies } = json("cli", "package.json");
  const to = stage("cli", ["cli/bin/hashistack.js", "cli/package.json", ...code], {
    version,
    dependencies: { ...dependencies, [lab]: version },
  });
  for (const file of taken) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    writeFileSync(join(to, file), `module.exports = require("${lab}/${file}");\n`);
  }
  return to;
}

/** What was compiled once and has no source any more is nobody's. */
function removeOrphans(folder) {
  for (const file of below(`dist/${folder}`, () => true)) {
    const source = file.replace(/^dist\//, "").replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
    if (!existsSync(join(root, source))) rmSync(join(root, file));
  }
}

async function pack(folder) {
  const name = json(relative(root, join(folder, "package.json"))).name;
  const before = new Set(readdirSync(out));
  // Compiled is what dist/ has: this has just done so.
  await run(`packing ${name}`, ["npm", "pack", "--ignore-scripts", "--pack-destination", out], {
    cwd: folder,
  });
  const file = readdirSync(out).find((entry) => entry.endsWith(".tgz") && !before.has(entry));
  if (!file) throw new StepError(`npm pack made no file of ${folder}`);
  return join(out, file);
}

const values = wordsTyped(help, ["publish", "dry-run"]);
try {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  await run("compiling", [node(), compiler, "-p", "tsconfig.json"]);
  for (const folder of ["components", "cli", "lab"]) removeOrphans(folder);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const files = [];
  for (const folder of [root, join(root, "policy"), stageLab(), stageCli()]) files.push(await pack(folder));
  console.log(files.join("\n"));
  if (values.publish) {
    const pending = readdirSync(join(root, ".changeset")).filter((name) => /^(?!README).*\.md$/.test(name));
    if (pending.length > 0 && !values["dry-run"]) {
      throw new StepError(`.changeset/${pending[0]} is in no version yet: npx changeset version`);
    }
    for (const file of files) {
      const how = values["dry-run"] ? ["--dry-run"] : [];
      await run(`publishing ${relative(out, file)}`, ["npm", "publish", file, ...how], { show: true });
    }
  }
} catch (error) {
  if (!(error instanceof StepError)) throw error;
  console.error(error.message);
  process.exit(1);
}
