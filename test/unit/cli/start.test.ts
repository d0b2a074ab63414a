import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

interface Facts {
  [fact: string]: unknown;
}
interface Host {
  hostFacts(): Facts;
  missingOf(facts: Facts): string[];
  parsePackages(text: string): string[];
  hasCapabilities(mask: string): boolean;
  sameLock(wanted: object, installed: object): boolean;
}

// Plain JavaScript: it runs before there is a compiler.
let host: Host;
beforeAll(async () => {
  host = (await import(resolve(__dirname, "../../../bin/host.mjs"))) as Host;
});

const good: Facts = {
  platform: "linux",
  architecture: "x64",
  node: "20.20.2",
  root: true,
  sudo: false,
  terminal: false,
  mayMakeMachines: true,
  apt: true,
  missingPackages: ["mmdebstrap"],
  toolchainCached: false,
  go: true,
  clusterExists: false,
  memoryMb: 4096,
  cache: { path: "/c", freeGb: 30 },
  checkout: { path: "/w", freeGb: 30 },
  overlay: true,
  cgroups: true,
  namespaces: ["net", "mnt", "pid", "uts", "ipc", "cgroup"],
};
const missing = (part: Facts): string[] => host.missingOf({ ...good, ...part });

describe("what a host lacks", () => {
  it("is nothing on a good one", () => {
    expect(missing({})).toEqual([]);
    expect(missing({ root: false, sudo: true, mayMakeMachines: false })).toEqual([]);
    expect(missing({ root: false, terminal: true, mayMakeMachines: false })).toEqual([]);
  });
  it("is all told at once", () => {
    expect(missing({ memoryMb: 512, overlay: false, go: false })).toHaveLength(3);
  });
  it("stops at the first on another system", () => {
    expect(missing({ platform: "darwin", memoryMb: 1 })).toEqual([
      "Linux is missing: the machines are Linux containers, and this is darwin.",
    ]);
  });
  it.each<[Facts, RegExp]>([
    [{ architecture: "riscv64" }, /riscv64/],
    [{ node: "18.1.0" }, /Node is 18\.1\.0/],
    [{ root: false, mayMakeMachines: false }, /^Root is missing/],
    [{ mayMakeMachines: false }, /SYS_ADMIN/],
    [{ apt: false }, /dpkg, apt-get/],
    [{ missingPackages: undefined }, /dpkg, apt-get/],
    [{ go: false }, /^Go is missing/],
    [{ memoryMb: 1000 }, /there are 1000/],
    [{ cache: { path: "/c", freeGb: 8 } }, /20 GB .* at \/c .* 8\.0/],
    [{ checkout: { path: "/w", freeGb: 0.2 } }, /at \/w/],
    [{ overlay: false }, /overlayfs/],
    [{ cgroups: false }, /Control groups/],
    [{ namespaces: ["net", "mnt", "pid", "uts", "ipc"] }, /no cgroup namespaces/],
  ])("names %j", (part, sentence) => {
    expect(missing(part)).toHaveLength(1);
    expect(missing(part)[0]).toMatch(sentence);
  });
  it("asks for less where something is there already", () => {
    expect(missing({ toolchainCached: true, go: false, cache: { path: "/c", freeGb: 8 } })).toEqual([]);
    expect(missing({ missingPackages: [], apt: false })).toEqual([]);
    expect(missing({ clusterExists: true, memoryMb: 300 })).toEqual([]);
  });
  it("reads a mask of capabilities", () => {
    expect(host.hasCapabilities("000001ffffffffff")).toBe(true);
    expect(host.hasCapabilities("00000000a80425fb")).toBe(false);
    expect(host.hasCapabilities("0")).toBe(false);
  });
  it("reads this host without failing", () => {
    expect(host.hostFacts()).toMatchObject({ platform: process.platform });
  });
});

describe("what is installed", () => {
  it("reads the packages' list", () => {
    expect(host.parsePackages("# why\na  # b\n\nc\n")).toEqual(["a", "c"]);
  });
  const lock = (packages: object): object => ({ packages: { "": {}, cli: {}, ...packages } });
  it.each<[string, object, object, boolean]>([
    ["the same", { "node_modules/a": { version: "1" } }, { "node_modules/a": { version: "1" } }, true],
    [
      "another version",
      { "node_modules/a": { version: "2" } },
      { "node_modules/a": { version: "1" } },
      false,
    ],
    ["absent", { "node_modules/a": { version: "1" } }, {}, false],
    ["absent but optional", { "node_modules/a": { version: "1", optional: true } }, {}, true],
  ])("compares the lock with what is there: %s", (_what, wanted, installed, same) => {
    expect(host.sameLock(lock(wanted), lock(installed))).toBe(same);
  });
});

describe.each(["start", "stop", "pack"])("bin/%s.mjs", (program) => {
  const typed = (...words: string[]) =>
    spawnSync(process.execPath, [resolve(__dirname, `../../../bin/${program}.mjs`), ...words], {
      encoding: "utf8",
      // Nothing could be done without programs.
      env: { PATH: "/nonexistent" },
    });

  it("tells of itself and does nothing", () => {
    const { status, stdout, stderr } = typed("--help");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^npm (start|stop|run pack)[\s\S]*Exit codes: 0 /);
  });

  it("does nothing where it does not understand", () => {
    for (const word of ["--forse", "-x", "dev"]) {
      const { status, stdout, stderr } = typed(word);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(word);
    }
  });
});
