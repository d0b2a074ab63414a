/** Programs built from their Go modules: by the small modules in modules/, whose go.mod and go.sum are committed. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Architecture, GoModule } from "./program";
import { run } from "./run";

/** Far more than any build here takes on one slow core. */
const BUILD_LIMIT_SECONDS = 3600;

/** The root of the checkout, which holds files that are not compiled (modules, stand-in plugins). */
export function projectRoot(from: string = __dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "lab", "toolchain", "modules"))) return folder;
    if (folder === dirname(folder)) throw new Error(`no folder above ${from} holds lab/toolchain/modules`);
  }
}

/** A builder bound to one go command and one folder of small modules. */
export interface GoBuilder {
  /** Folder that holds the small modules. */
  modulesFolder: string;
  /** The go command, e.g. "go". */
  go: string;
  architecture: Architecture;
}

/** What the file is made by: when it changes, a cached build is stale. */
export async function moduleRecipe(modulesFolder: string, recipe: GoModule): Promise<string> {
  const hash = createHash("sha256");
  const folder = join(modulesFolder, recipe.module);
  // A small module that is a program of our own has its sources beside these.
  const sources = (await readdir(folder)).filter((file) => file.endsWith(".go")).sort();
  for (const file of ["go.mod", "go.sum", ...sources]) hash.update(await readFile(join(folder, file)));
  hash.update(JSON.stringify([recipe.package, recipe.cgo, recipe.tags, recipe.variables]));
  return hash.digest("hex");
}

/** The `go` line of a small module: the least Go version that builds it. */
export async function goLine(modulesFolder: string, recipe: GoModule): Promise<string> {
  const text = await readFile(join(modulesFolder, recipe.module, "go.mod"), "utf8");
  return /^go (\S+)$/m.exec(text)?.[1] ?? "1.21";
}

function goEnvironment(builder: GoBuilder, recipe: GoModule, scratch?: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CGO_ENABLED: recipe.cgo ? "1" : "0",
    GOOS: "linux",
    GOARCH: builder.architecture,
    // Nothing of the user's own Go settings may change the build; where modules come from stays the user's choice.
    GOFLAGS: "-mod=readonly",
    GOWORK: "off",
    GO111MODULE: "on",
    ...(scratch ? { GOTMPDIR: scratch } : {}),
  };
}

/**
 * Builds the program into `folder` and returns the file. Go's own build cache makes a cut build resume.
 * @param onPackage called with the number of packages compiled so far.
 */
export async function buildModule(
  builder: GoBuilder,
  recipe: GoModule,
  folder: string,
  onPackage: (count: number) => void,
  signal?: AbortSignal,
): Promise<string> {
  const target = join(folder, "program");
  const temporary = join(folder, "tmp");
  await mkdir(temporary);
  const linker = ["-s", "-w", ...recipe.variables.flatMap((variable) => ["-X", variable])].join(" ");
  const args = ["build", "-v", "-trimpath", "-buildvcs=false", "-tags", recipe.tags.join(",")];
  args.push("-ldflags", linker, "-o", target, recipe.package);
  let count = 0;
  // With -v go prints each package's path as it compiles it; every other line is a message.
  const messages: string[] = [];
  const result = await run(builder.go, args, {
    cwd: join(builder.modulesFolder, recipe.module),
    env: goEnvironment(builder, recipe, temporary),
    limitSeconds: BUILD_LIMIT_SECONDS,
    signal,
    onErrorLine: (line) => {
      if (/^[\w.~/-]+$/.test(line)) onPackage(++count);
      else if (!line.startsWith("go: downloading ")) messages.push(line);
    },
  });
  if (result.status !== 0) {
    const reason = messages.slice(-5).join(" | ") || result.stderr.trim().slice(-500);
    throw new Error(`building ${recipe.origin} with go failed: ${reason}`);
  }
  return target;
}

/**
 * Downloads the modules that a build needs and no others (`go mod download` would take several times as much), to run
 * ahead while something else compiles. Failures are left to the build, which meets and reports them itself.
 */
export async function prefetchModules(
  builder: GoBuilder,
  recipe: GoModule,
  signal: AbortSignal,
): Promise<void> {
  const args = [
    "list",
    "-deps",
    "-f",
    "{{if .Module}}{{end}}",
    "-tags",
    recipe.tags.join(","),
    recipe.package,
  ];
  await run(builder.go, args, {
    cwd: join(builder.modulesFolder, recipe.module),
    env: goEnvironment(builder, recipe),
    limitSeconds: BUILD_LIMIT_SECONDS,
    signal,
  }).catch(() => undefined);
}
