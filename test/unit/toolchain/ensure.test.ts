import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { programFolder } from "../../../lab/toolchain/cache";
import { ensureWith, locate, type Toolchain } from "../../../lab/toolchain/ensure";
import { compareVersions } from "../../../lab/toolchain/prerequisites";
import { executable, MODULE, scratch, testToolchain } from "./support";

let place: ReturnType<typeof scratch>;
let chain: Toolchain & { goCalls: () => string[] };

beforeEach(() => {
  place = scratch();
  chain = testToolchain(place.folder, { module: MODULE });
});
afterEach(() => {
  vi.unstubAllEnvs();
  place.dispose();
});

describe("a program on PATH", () => {
  function put(name: string, version: string): string {
    const log = join(place.folder, "asked");
    return executable(
      join(place.folder, "path", name),
      `#!/bin/sh\necho x >>'${log}'\necho 'Tool v${version}'\n`,
    );
  }

  test("in the pinned version is used, and asked only once", async () => {
    const path = put("tool", "1.2.3");
    const [tool] = await ensureWith(chain, "all");
    expect(tool).toMatchObject({ source: "path", path, version: "1.2.3" });
    await ensureWith(chain, "all");
    expect(readFileSync(join(place.folder, "asked"), "utf8")).toBe("x\n");
    expect(chain.goCalls()).toEqual([]);
  });

  test("is asked again when its file changed", async () => {
    put("tool", "1.2.3");
    await ensureWith(chain, "all");
    put("tool", "1.2.30");
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test.each(["1.2.2", "1.2.3-dev", "1.2.3+ent"])("in version %s is not used", async (version) => {
    put("tool", version);
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test("that does not run is not used", async () => {
    executable(join(place.folder, "path", "tool"), "#!/absent/interpreter\n");
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test("that is ours is not used", async () => {
    put("tool", "1.2.3");
    chain.ours = [...chain.ours, join(place.folder, "path")];
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test("that cannot tell its version is not used", async () => {
    put("tool", "1.2.3");
    chain.manifest = [{ ...chain.manifest[0], question: undefined }];
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test("is used with its partner's version when it lies beside it, and only then", async () => {
    const host = { name: "host", version: "1.2.3", purpose: "", releasedWith: "tool" };
    chain.manifest = [...chain.manifest, host];
    put("tool", "1.2.3");
    put("host", "none");
    expect(await locate(chain, [host])).toMatchObject([{ source: "path", version: "1.2.3" }]);
    const apart = join(place.folder, "apart");
    executable(join(apart, "host"), "#!/bin/sh\n");
    chain.searchPath = `${apart}:${chain.searchPath}`;
    expect(await locate(chain, [host])).toEqual([undefined]);
  });
});

describe("the cache", () => {
  const file = () => join(programFolder(chain.root, "tool", "1.2.3"), "tool");

  test("answers the second time", async () => {
    const [first] = await ensureWith(chain, "all");
    expect(first).toMatchObject({ source: "module", path: file(), origin: MODULE.origin });
    const [second] = await ensureWith(chain, "all");
    expect(second).toEqual({ ...first, source: "cache" });
    expect(chain.goCalls()).toHaveLength(1);
  });

  test("survives a new file time with the same contents", async () => {
    await ensureWith(chain, "all");
    utimesSync(file(), 1, 1);
    expect((await ensureWith(chain, "all"))[0].source).toBe("cache");
  });

  test("drops a file of another size, and one of the same size with other contents", async () => {
    await ensureWith(chain, "all");
    appendFileSync(file(), "# more\n");
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
    const content = readFileSync(file(), "utf8");
    writeFileSync(file(), content.replace("1.2.3", "9.9.9"));
    utimesSync(file(), 1, 1);
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
    expect(chain.goCalls()).toHaveLength(3);
  });

  test("drops what an older recipe made", async () => {
    await ensureWith(chain, "all");
    writeFileSync(join(chain.builder.modulesFolder, "tool", "go.sum"), "changed\n");
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
  });

  test("does not count a file without a record", async () => {
    executable(file(), "#!/bin/sh\n");
    expect(await locate(chain, chain.manifest)).toEqual([undefined]);
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
  });

  test("keeps the version that the module really gives", async () => {
    chain.manifest = [{ ...chain.manifest[0], module: { ...MODULE, version: "1.0.0" } }];
    const [tool] = await ensureWith(chain, "all");
    expect(tool.version).toBe("1.0.0");
    expect(tool.path).toBe(join(programFolder(chain.root, "tool", "1.0.0"), "tool"));
    expect((await ensureWith(chain, "all"))[0]).toMatchObject({ version: "1.0.0", source: "cache" });
  });

  test("is filled once by two callers at the same time", async () => {
    const tools = await Promise.all([ensureWith(chain, "all"), ensureWith(chain, "all")]);
    expect(tools.map(([tool]) => tool.source).sort()).toEqual(["cache", "module"]);
    expect(chain.goCalls()).toHaveLength(1);
  });

  test("is rid of the scratch folders of dead runs", async () => {
    const dead = join(chain.root, "scratch", "999999999-dead");
    mkdirSync(dead, { recursive: true });
    await ensureWith(chain, "all");
    expect(readdirSync(join(chain.root, "scratch"))).toEqual([]);
  });
});

describe("a build from the Go module", () => {
  test("passes tags, variables and the read-only flag", async () => {
    await ensureWith(chain, "all");
    const [call] = chain.goCalls();
    expect(call).toContain("-trimpath -buildvcs=false -tags small -ldflags -s -w -X main.version=1.2.3 -o ");
    expect(call).toMatch(/ example\.com\/tool$/);
  });

  test("that fails says what go said, and leaves nothing", async () => {
    vi.stubEnv("FAKE_GO_FAILS", "undefined: frobnicate");
    await expect(ensureWith(chain, "all")).rejects.toThrow(
      "building example.com/tool@v1.2.3 with go failed: main.go:1:1: undefined: frobnicate",
    );
    expect(existsSync(join(chain.root, "tool"))).toBe(false);
    expect(readdirSync(join(chain.root, "scratch"))).toEqual([]);
  });

  test("is stopped by the signal and can be taken up again", async () => {
    vi.stubEnv("FAKE_GO_WAIT", "60");
    const stop = new AbortController();
    const started = Date.now();
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === "preparing the build") setTimeout(() => stop.abort(), 200);
    };
    await expect(ensureWith(chain, "all", { signal: stop.signal, onProgress })).rejects.toThrow(
      "was stopped",
    );
    expect(Date.now() - started).toBeLessThan(10_000);
    vi.stubEnv("FAKE_GO_WAIT", "");
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
  });

  test("without go names the program and what to install, before anything is built", async () => {
    chain.builder.go = join(place.folder, "absent");
    await expect(ensureWith(chain, "all")).rejects.toThrow(
      /^tool must be built, .* there is no go on PATH: install/,
    );
  });

  test("with a go that is too old says which is needed", async () => {
    writeFileSync(join(chain.builder.modulesFolder, "tool", "go.mod"), "module x\n\ngo 1.99\n");
    await expect(ensureWith(chain, "all")).rejects.toThrow(
      "Go 1.26.0 is too old to build tool: install Go 1.99",
    );
    expect(chain.goCalls()).toEqual([]);
  });

  test("in C without a compiler says so", async () => {
    vi.stubEnv("CC", "");
    chain.manifest = [{ ...chain.manifest[0], module: { ...MODULE, cgo: true } }];
    await expect(ensureWith(chain, "all")).rejects.toThrow("tool needs a C compiler to be built");
    executable(join(place.folder, "path", "gcc"), "#!/bin/sh\n");
    expect((await ensureWith(chain, "all"))[0].source).toBe("module");
  });

  test("tells progress with an estimate", async () => {
    const events: { tool: string; index: number; total: number; phase: string; estimateSeconds?: number }[] =
      [];
    await ensureWith(chain, "all", { onProgress: (event) => events.push(event) });
    expect(events[0]).toMatchObject({
      tool: "tool",
      index: 1,
      total: 1,
      phase: "preparing the build",
      estimateSeconds: 1,
    });
    expect(events.at(-1)?.phase).toMatch(/^ready \(module/);
  });
});

test("an unknown program is refused with the list of those there are", async () => {
  await expect(ensureWith(chain, ["toool"])).rejects.toThrow(
    'the toolchain has no program "toool"; it has tool',
  );
});

test("versions compare by number", () => {
  expect(compareVersions("1.9", "1.26")).toBeLessThan(0);
  expect(compareVersions("1.26.8", "1.26")).toBeGreaterThan(0);
  expect(compareVersions("1.26", "1.26.0")).toBe(0);
});

describe("a program that few need", () => {
  test("is got only where it is asked for by name", async () => {
    chain = testToolchain(place.folder, { module: MODULE, optional: true });
    expect(await ensureWith(chain, "all")).toEqual([]);
    expect(chain.goCalls()).toEqual([]);
    expect((await ensureWith(chain, ["tool"]))[0]).toMatchObject({ name: "tool", source: "module" });
  });
});
