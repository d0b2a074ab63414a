import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ReleaseHosts, Unreachable } from "../../../lab/toolchain/download";
import { ensureWith, type Toolchain } from "../../../lab/toolchain/ensure";
import type { Release } from "../../../lab/toolchain/program";
import {
  MODULE,
  makeSigner,
  publishRelease,
  ReleaseServer,
  type Signer,
  scratch,
  sha256,
  tarOf,
  testToolchain,
  zipOf,
} from "./support";

const FOLDER = "releases.example.com/tool/1.2.3";
const ARCHIVE = `${FOLDER}/tool_1.2.3.zip`;

describe("a publisher's release", () => {
  let signer: Signer;
  let server: ReleaseServer;
  let release: Release;
  let place: ReturnType<typeof scratch>;
  let chain: Toolchain & { goCalls: () => string[] };

  beforeAll(async () => {
    signer = await makeSigner();
  });
  beforeEach(async () => {
    place = scratch();
    server = new ReleaseServer();
    await server.start();
    release = await publishRelease(server, signer);
    chain = testToolchain(place.folder, { release, module: MODULE });
    chain.releases = server.base;
  });
  afterEach(async () => {
    await server.stop();
    place.dispose();
  });

  async function refused(): Promise<string> {
    const error: unknown = await ensureWith(chain, "all").then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    // Never another source, and nothing left in the cache.
    expect(chain.goCalls()).toEqual([]);
    expect(existsSync(join(chain.root, "tool"))).toBe(false);
    return (error as Error).message;
  }

  test("that is good is unpacked, runs, and is cached", async () => {
    const [tool] = await ensureWith(chain, "all");
    expect(tool).toMatchObject({ name: "tool", version: "1.2.3", source: "release" });
    expect(tool.origin).toBe(`${server.base}/${ARCHIVE}`);
    expect(execFileSync(tool.path, { encoding: "utf8" })).toBe("Tool v1.2.3\n");
    expect(tool.sha256).toBe(sha256(Buffer.from("#!/bin/sh\necho 'Tool v1.2.3'\n")));
    const asked = server.requests.length;
    const [again] = await ensureWith(chain, "all");
    expect(again).toEqual({ ...tool, source: "cache" });
    expect(server.requests.length).toBe(asked);
    expect(chain.goCalls()).toEqual([]);
  });

  test("whose archive was tampered with is refused by name", async () => {
    server.files.set(ARCHIVE, zipOf("tool", "#!/bin/sh\necho evil\n"));
    expect(await refused()).toContain(`${ARCHIVE} is not the published file`);
  });

  test("whose sums were tampered with is refused, even when they fit the archive", async () => {
    const evil = zipOf("tool", "#!/bin/sh\necho evil\n");
    server.files.set(ARCHIVE, evil);
    server.files.set(`${FOLDER}/SHA256SUMS`, Buffer.from(`${sha256(evil)}  tool_1.2.3.zip\n`));
    expect(await refused()).toMatch(/signature of \S+SHA256SUMS does not hold/);
  });

  test("without a signature is refused", async () => {
    server.files.delete(`${FOLDER}/SHA256SUMS.sig`);
    expect(await refused()).toMatch(/not signed: \S+SHA256SUMS.sig is not there/);
  });

  test("with an empty signature is refused", async () => {
    server.files.set(`${FOLDER}/SHA256SUMS.sig`, Buffer.alloc(0));
    expect(await refused()).toMatch(/signature of \S+SHA256SUMS does not hold/);
  });

  test("signed by somebody else is refused", async () => {
    const other = await makeSigner();
    const sums = server.files.get(`${FOLDER}/SHA256SUMS`) as Uint8Array;
    server.files.set(`${FOLDER}/SHA256SUMS.sig`, await other.sign(sums));
    expect(await refused()).toMatch(/signature of \S+SHA256SUMS does not hold/);
  });

  test("is refused when the committed key is not the one with the pinned fingerprint", async () => {
    if (release.signed) release.signed.key = (await makeSigner()).publicKey;
    expect(await refused()).toContain(`has not the fingerprint ${signer.fingerprint}`);
  });

  test("whose signed sums differ from the pin is refused", async () => {
    release.sha256.amd64 = "a".repeat(64);
    expect(await refused()).toContain(`the manifest pins ${"a".repeat(64)}`);
  });

  test("that names an archive which is missing is refused", async () => {
    server.files.delete(ARCHIVE);
    expect(await refused()).toMatch(/incomplete: its sums name \S+tool_1.2.3.zip/);
  });

  test("whose archive lacks the program is refused", async () => {
    release.member = "other";
    expect(await refused()).toContain("it holds no other");
  });

  test("that is not on the host at all gives way to the Go module", async () => {
    server.files.clear();
    const [tool] = await ensureWith(chain, "all");
    expect(tool).toMatchObject({ source: "module", origin: "example.com/tool@v1.2.3" });
    expect(chain.goCalls()).toHaveLength(1);
  });

  test("with no other source ends in one sentence when no host answers", async () => {
    chain = testToolchain(place.folder, { release });
    await expect(ensureWith(chain, "all")).rejects.toThrow("releases are turned off");
  });

  test.each([403, 502, 503])(
    "behind a gateway that answers %i gives way to the Go module",
    async (status) => {
      server.mode = { status };
      const phases: string[] = [];
      const [tool] = await ensureWith(chain, "all", { onProgress: ({ phase }) => phases.push(phase) });
      expect(tool.source).toBe("module");
      expect(phases).toContain(`no release: releases.example.com does not answer (status ${status})`);
    },
  );

  test("on a closed port gives way to the Go module", async () => {
    chain.releases = "http://127.0.0.1:1";
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("module");
  });

  test("as a tar archive is checked by its pin alone", async () => {
    const tar = tarOf("bundle/tool", "#!/bin/sh\necho 'Tool v1.2.3'\n");
    server.files.set("get.example.com/tool.tar.gz", tar);
    release = {
      archive: () => "get.example.com/tool.tar.gz",
      format: "tar.gz",
      member: "bundle/tool",
      sha256: { amd64: sha256(tar), arm64: sha256(tar) },
    };
    chain = testToolchain(place.folder, { release, module: MODULE });
    chain.releases = server.base;
    const [tool] = await ensureWith(chain, "all");
    expect(tool.source).toBe("release");
    expect(execFileSync(tool.path, { encoding: "utf8" })).toBe("Tool v1.2.3\n");
  });

  test("as a tampered tar archive is refused", async () => {
    const tar = tarOf("bundle/tool", "#!/bin/sh\necho evil\n");
    server.files.set("get.example.com/tool.tar.gz", tar);
    const pin = "b".repeat(64);
    chain = testToolchain(place.folder, {
      release: {
        archive: () => "get.example.com/tool.tar.gz",
        format: "tar.gz",
        member: "bundle/tool",
        sha256: { amd64: pin, arm64: pin },
      },
      module: MODULE,
    });
    chain.releases = server.base;
    expect(await refused()).toContain("get.example.com/tool.tar.gz is not the published file");
  });

  test("host that never answers is waited for once, then remembered", async () => {
    server.mode = "hang";
    const hosts = new ReleaseHosts(server.base, undefined, { answerMs: 100, stallMs: 100 });
    await expect(hosts.text("releases.example.com/a")).rejects.toThrow(
      "releases.example.com does not answer",
    );
    await expect(hosts.text("releases.example.com/b")).rejects.toBeInstanceOf(Unreachable);
    expect(server.requests).toEqual(["releases.example.com/a"]);
  });

  test("host that drops the connection in the middle counts as out of reach", async () => {
    server.mode = "cut";
    const hosts = new ReleaseHosts(server.base);
    await expect(hosts.file(ARCHIVE, join(place.folder, "file"))).rejects.toBeInstanceOf(Unreachable);
  });

  test("that cannot be written here is not taken for a host out of reach", async () => {
    const hosts = new ReleaseHosts(server.base);
    const nowhere = join(place.folder, "absent", "file");
    await expect(hosts.file(ARCHIVE, nowhere)).rejects.toThrow(/^ENOENT/);
  });

  test("is stopped by the signal", async () => {
    server.mode = "hang";
    const stop = new AbortController();
    const work = ensureWith(chain, "all", { signal: stop.signal });
    setTimeout(() => stop.abort(), 100);
    await expect(work).rejects.toThrow("was stopped");
    expect(chain.goCalls()).toEqual([]);
  });
});
