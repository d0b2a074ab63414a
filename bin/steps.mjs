/** The steps of an installation, each repeatable and quick when there is nothing to do; and how they are shown. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { asRoot, hostFacts, missingOf, missingPackages, npmIsCurrent, root } from "./host.mjs";

/** A step that failed, in a sentence, with the last lines of what its program said. */
export class StepError extends Error {
  /** Exit code of the program, where it had one. */
  exitCode;
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

const KEPT_LINES = 20;

export function seconds(since) {
  const whole = Math.round((performance.now() - since) / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The Node that the programs run on: npm's own package, where it is installed. */
export function node() {
  const packaged = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");
  return existsSync(packaged) ? packaged : process.execPath;
}

/**
 * Runs a program to its end. `show`: its output is the user's; otherwise only a moving line tells that it runs, and
 * its last lines are told when it fails.
 */
export function run(what, argv, { show = false, env = process.env, cwd = root } = {}) {
  const [program, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: show ? "inherit" : ["ignore", "pipe", "pipe"] });
    const lines = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        lines.push(...text.split(/[\r\n]+/).filter(Boolean));
        // What went wrong stands at the beginning or at the end.
        if (lines.length > 2 * KEPT_LINES) lines.splice(KEPT_LINES, lines.length - 2 * KEPT_LINES, "…");
      });
    }
    const stop = show ? () => {} : ticker(what, () => lines.at(-1));
    // The terminal's Ctrl-C reaches the child by itself, which may finish something first: it is waited for.
    const wait = () => {};
    const forward = () => child.kill("SIGTERM");
    process.on("SIGINT", wait).on("SIGTERM", forward);
    const end = (settle) => {
      process.off("SIGINT", wait).off("SIGTERM", forward);
      stop();
      settle();
    };
    child.once("error", (error) => end(() => reject(new StepError(`${what}: ${program}: ${error.message}`))));
    child.once("close", (code, signal) =>
      end(() => {
        if (code === 0) return resolve();
        if (signal === "SIGINT" || code === 130) return reject(new StepError(`${what} was cancelled`, 130));
        const how = signal ? `was ended by ${signal}` : `ended with ${code}`;
        reject(new StepError([`${what}: the command ${how}`, ...lines].join("\n  "), code));
      }),
    );
  });
}

/** A line with the elapsed time and what the program said last: rewritten on a terminal, now and then elsewhere. */
function ticker(what, lastLine) {
  const since = performance.now();
  const terminal = process.stderr.isTTY;
  const draw = () => {
    const said = lastLine();
    const line = `      ${what}: ${seconds(since)}${said ? `  ${said}` : ""}`;
    if (terminal) process.stderr.write(`\r\x1b[2K${line.slice(0, (process.stderr.columns || 80) - 1)}`);
    else process.stderr.write(`${line.slice(0, 200)}\n`);
  };
  const timer = setInterval(draw, terminal ? 500 : 30_000);
  return () => {
    clearInterval(timer);
    if (terminal) process.stderr.write("\r\x1b[2K");
  };
}

/** Looks whether the host can do it, before anything is changed. */
export async function preflight() {
  const missing = missingOf(hostFacts());
  if (missing.length > 0) throw new StepError(["this host cannot:", ...missing].join("\n  - "));
  return "this host will do";
}

/** Installs the host's Debian packages that are missing. Gives what was done. */
export async function debian() {
  const missing = missingPackages() ?? [];
  if (missing.length === 0) return "all there";
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args) => asRoot(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", ...args]);
  await run("reading the package lists", apt("update"), { env });
  await run(`installing ${missing.join(", ")}`, apt("install", "-y", "--no-install-recommends", ...missing), {
    env,
  });
  return `installed ${missing.join(", ")}`;
}

/** Installs the npm packages of the lock file, where they are not. */
export async function npm() {
  if (npmIsCurrent()) return "all there";
  // No package needs its install script, and some would download plugins or compile.
  await run("npm ci", ["npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit"]);
  return "installed";
}

/** Compiles; with nothing changed it takes two seconds. */
export async function build() {
  await run("compiling", [
    node(),
    join(root, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    "tsconfig.json",
  ]);
  return "compiled";
}

/** Whether this host can carry machines: the lab's own, thorough look, now that its packages are there. */
export async function hostCheck() {
  await run("looking at the host", asRoot([node(), join(root, "lab", "bin", "hashistack-lab.js"), "check"]));
  return "this host will do";
}

/** Gets the programs into the cache. */
export async function toolchain() {
  await run("the programs", [node(), join(root, "dist", "lab", "toolchain", "main.js")], { show: true });
  return "ready";
}

/** Makes the machines' image, programs included. */
export async function image() {
  await run(
    "the machines' image",
    asRoot([node(), join(root, "lab", "bin", "hashistack-lab.js"), "image", "--bake"]),
  );
  return "ready";
}

/** Runs `hashistack` with the user's terminal. */
export function hashistack(...args) {
  return run(`hashistack ${args[0]}`, [node(), join(root, "cli", "bin", "hashistack.js"), ...args], {
    show: true,
  });
}

/** The tests on real machines, which need root. */
export async function labTests() {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  await run("the lab's tests", asRoot([node(), vitest, "run", "--project", "lab"]), { show: true });
  return "passed";
}

const STEPS = {
  preflight,
  "lab-tests": labTests,
  debian,
  npm,
  build,
  "host-check": hostCheck,
  toolchain,
  image,
};

/** `node bin/steps.mjs <step>…`: single steps, for a CI that times them apart. */
async function main(names) {
  for (const name of names) {
    const step = STEPS[name];
    if (!step) throw new StepError(`there is no step "${name}": ${Object.keys(STEPS).join(", ")}`);
    const since = performance.now();
    console.log(`${name}: ${await step()} (${seconds(since)})`);
  }
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(error instanceof StepError ? error.message : error);
    process.exitCode = 1;
  });
}
