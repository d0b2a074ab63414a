/** Gets every wanted program: from PATH, else the cache, else its release, else its Go module. */
import { join } from "node:path";
import { type CacheRecord, publish, readCached, withScratch } from "./cache";
import { ReleaseHosts, Unreachable } from "./download";
import { buildModule, type GoBuilder, moduleRecipe, prefetchModules } from "./goModule";
import { withLock } from "./lock";
import { PathPrograms } from "./onPath";
import { checkPrerequisites } from "./prerequisites";
import type { Program } from "./program";
import { fetchRelease } from "./release";

/** One program that is ready to run. */
export interface ResolvedTool {
  name: string;
  /** What the program itself says; for the language host built from its module, older than the engine's. */
  version: string;
  /** Absolute path of the executable. */
  path: string;
  /** Where this call got it from. */
  source: "path" | "cache" | "release" | "module";
  /** Where it first came from, for people: a URL, a Go module, or PATH. */
  origin: string;
  sha256: string;
}

/** Told at every change of phase, and every few seconds within a long one. */
export type ToolchainProgress = (event: {
  tool: string;
  /** 1-based place among the programs of this call. */
  index: number;
  total: number;
  /** e.g. "downloading", "compiling, 812 packages so far", "ready (cache)". */
  phase: string;
  elapsedSeconds: number;
  /** What the whole phase took on two idle cores with cold caches; only for builds. */
  estimateSeconds?: number;
}) => void;

export interface EnsureOptions {
  onProgress?: ToolchainProgress;
  /** Stops downloads and builds; what is compiled so far is kept by go. */
  signal?: AbortSignal;
}

/** Everything that an ensureTools works with; tests give their own. */
export interface Toolchain {
  manifest: readonly Program[];
  /** The cache folder. */
  root: string;
  /** PATH to look for programs on. */
  searchPath: string;
  /** Folders whose programs on PATH do not count: the cache and the checkout. */
  ours: readonly string[];
  /** See ReleaseHosts. */
  releases: string | undefined;
  builder: GoBuilder;
}

const LOCK_LIMIT_SECONDS = 5400;
const TICK_MS = 5_000;

type Report = (phase: string, estimateSeconds?: number) => void;

interface Candidate {
  version: string;
  recipe: string;
}

/** What the cache may hold for a program, best first: its release, then what is made from registries. */
async function candidates(
  chain: Toolchain,
  program: Program,
): Promise<Partial<Record<"release" | "made", Candidate>>> {
  const pin = program.release?.sha256[chain.builder.architecture];
  const made = program.module && (await moduleRecipe(chain.builder.modulesFolder, program.module));
  return {
    ...(pin ? { release: { version: program.version, recipe: pin } } : {}),
    ...(made ? { made: { version: program.module?.version ?? program.version, recipe: made } } : {}),
  };
}

function resolved(
  found: { path: string; record: CacheRecord },
  source: ResolvedTool["source"],
): ResolvedTool {
  const { name, version, origin, sha256 } = found.record;
  return { name, version, path: found.path, source, origin, sha256 };
}

async function fromCache(chain: Toolchain, program: Program): Promise<ResolvedTool | undefined> {
  const wanted = await candidates(chain, program);
  for (const candidate of [wanted.release, wanted.made]) {
    if (!candidate) continue;
    const found = await readCached(chain.root, program.name, candidate.version, candidate.recipe);
    if (found) return resolved(found, "cache");
  }
  return undefined;
}

/** Finds without making: PATH, then cache. Undefined entries would have to be obtained. */
export async function locate(
  chain: Toolchain,
  programs: readonly Program[],
): Promise<(ResolvedTool | undefined)[]> {
  const onPath = new PathPrograms(chain.searchPath, chain.ours, join(chain.root, "path-programs.json"));
  const found: (ResolvedTool | undefined)[] = [];
  for (const program of programs) {
    const answer = await onPath.find(program, chain.manifest);
    found.push(
      answer?.version === program.version
        ? {
            name: program.name,
            version: answer.version,
            path: answer.path,
            source: "path",
            origin: "PATH",
            sha256: answer.sha256,
          }
        : await fromCache(chain, program),
    );
  }
  return found;
}

/** Looks names up in the manifest; "all" are those that are not optional. Throws one sentence on an unknown one. */
export function programsNamed(manifest: readonly Program[], names: readonly string[] | "all"): Program[] {
  if (names === "all") return manifest.filter(({ optional }) => !optional);
  return names.map((name) => {
    const program = manifest.find((each) => each.name === name);
    if (!program) {
      throw new Error(
        `the toolchain has no program "${name}"; it has ${manifest.map((each) => each.name).join(", ")}`,
      );
    }
    return program;
  });
}

/** ensureTools with everything given. */
export async function ensureWith(
  chain: Toolchain,
  names: readonly string[] | "all",
  options: EnsureOptions = {},
): Promise<ResolvedTool[]> {
  const programs = programsNamed(chain.manifest, names);
  const tools = await locate(chain, programs);
  const reportFor = (index: number) => reporter(programs[index], index, programs.length, options);
  tools.forEach((tool, index) => {
    if (tool) reportFor(index)(`ready (${tool.source})`);
  });
  const hosts = new ReleaseHosts(chain.releases, options.signal);
  const pending = () => programs.map((_, index) => index).filter((index) => !tools[index]);
  for (const index of pending()) {
    const program = programs[index];
    if (!program.release) continue;
    const report = reportFor(index);
    tools[index] = await obtain(chain, program, report, options, (folder) =>
      fromRelease(chain, hosts, program, folder, report),
    );
  }
  const rest = pending();
  const toBuild = rest.map((index) => programs[index]).filter((program) => program.module);
  await checkPrerequisites(toBuild, chain.builder, chain.searchPath);
  const ahead = prefetchAhead(chain, toBuild, options.signal);
  try {
    for (const index of rest) {
      const report = reportFor(index);
      ahead.reached(programs[index]);
      tools[index] = await obtain(chain, programs[index], report, options, (folder) =>
        make(chain, programs[index], folder, report, options.signal),
      );
    }
  } finally {
    await ahead.stop();
  }
  return programs.map((program, index) => {
    const tool = tools[index];
    if (!tool)
      throw new Error(`${program.name} ${program.version} has no source left: no release host answers`);
    return tool;
  });
}

interface Made {
  file: string;
  source: "release" | "module";
  origin: string;
}

/** Under the program's lock: the cache once more (another run may just have filled it), else `get` and publish. */
function obtain(
  chain: Toolchain,
  program: Program,
  report: Report,
  options: EnsureOptions,
  get: (folder: string) => Promise<Made | undefined>,
): Promise<ResolvedTool | undefined> {
  const lock = join(chain.root, "locks", program.name);
  const onWait = (holder: string) => report(`waiting for process ${holder}, which is getting it`);
  return withLock(lock, { limitSeconds: LOCK_LIMIT_SECONDS, onWait, signal: options.signal }, async () => {
    const already = await fromCache(chain, program);
    if (already) {
      report("ready (cache)");
      return already;
    }
    return withScratch(chain.root, async (folder) => {
      const started = Date.now();
      const made = await get(folder);
      if (!made) return undefined;
      const wanted = await candidates(chain, program);
      const candidate = made.source === "release" ? wanted.release : wanted.made;
      if (!candidate)
        throw new Error(`${program.name} was obtained in a way that its row in the manifest lacks`);
      const seconds = Math.round((Date.now() - started) / 1000);
      const { source, origin } = made;
      const found = await publish(chain.root, made.file, {
        name: program.name,
        ...candidate,
        source,
        origin,
        seconds,
      });
      report(`ready (${source}, ${seconds} s)`);
      return resolved(found, source);
    });
  });
}

async function fromRelease(
  chain: Toolchain,
  hosts: ReleaseHosts,
  program: Program,
  folder: string,
  report: Report,
): Promise<Made | undefined> {
  if (!program.release) return undefined;
  const processor = chain.builder.architecture;
  try {
    const file = await fetchRelease(hosts, program.release, processor, folder, report);
    return { file, source: "release", origin: hosts.url(program.release.archive(processor)) };
  } catch (error) {
    if (!(error instanceof Unreachable) || !program.module) throw error;
    report(`no release: ${error.message}`);
    return undefined;
  }
}

async function make(
  chain: Toolchain,
  program: Program,
  folder: string,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<Made | undefined> {
  if (!program.module) return undefined;
  const estimate = program.module.buildSeconds;
  let phase = "preparing the build";
  report(phase, estimate);
  const tick = setInterval(() => report(phase, estimate), TICK_MS);
  try {
    const counted = (count: number) => {
      phase = `compiling, ${count} packages so far`;
    };
    const file = await buildModule(chain.builder, program.module, folder, counted, signal);
    return { file, source: "module", origin: program.module.origin };
  } finally {
    clearInterval(tick);
  }
}

/** Loads the modules of programs whose turn has not come, one after the other, while others compile. */
function prefetchAhead(chain: Toolchain, toBuild: readonly Program[], signal: AbortSignal | undefined) {
  const waiting = toBuild.slice(1);
  const stopped = new AbortController();
  const both = AbortSignal.any(signal ? [stopped.signal, signal] : [stopped.signal]);
  const work = (async () => {
    while (!both.aborted) {
      const module = waiting.shift()?.module;
      if (!module) return;
      await prefetchModules(chain.builder, module, both);
    }
  })();
  return {
    /** From here on the program's own build loads what is left. */
    reached(program: Program): void {
      const index = waiting.indexOf(program);
      if (index >= 0) waiting.splice(index, 1);
    },
    async stop(): Promise<void> {
      stopped.abort();
      await work;
    },
  };
}

/** Elapsed time counts from when the reporter is made: one for each attempt at a program. */
function reporter(program: Program, index: number, total: number, options: EnsureOptions): Report {
  const started = Date.now();
  return (phase, estimateSeconds) => {
    const elapsedSeconds = Math.round((Date.now() - started) / 1000);
    options.onProgress?.({
      tool: program.name,
      index: index + 1,
      total,
      phase,
      elapsedSeconds,
      estimateSeconds,
    });
  };
}
