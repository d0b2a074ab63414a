import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { prepareFolder, runPacker } from "../../../image/build";
import type { Asked } from "../../../image/clouds";

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
});
afterEach(() => rmSync(place, { recursive: true }));

test("a folder that cannot be made whole is not left", () => {
  vi.stubEnv("TMPDIR", place);
  try {
    expect(() => prepareFolder({ cloud: "nowhere" } as unknown as Asked, [])).toThrow("nowhere.pkr.hcl");
    expect(readdirSync(place)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
  }
});

/** Packer, told to end when its work is all but done: it ends well. */
async function endedInTheEnd(verb: string): Promise<void> {
  const [packer, begun] = [join(place, "packer"), join(place, "begun")];
  const words = `trap 'exit 0' INT\necho >${begun}\nwhile :; do sleep 0.05; done`;
  writeFileSync(packer, `#!/bin/sh\n${words}\n`, { mode: 0o755 });
  const running = runPacker(packer, [verb], place, process.env);
  await Promise.race([running, vi.waitUntil(() => existsSync(begun), { timeout: 10_000 })]);
  process.emit("SIGTERM", "SIGTERM");
  await running;
}

test("an image that was made all the same is told of: it costs money", async () => {
  await endedInTheEnd("build");
});

test("nothing is begun behind a look that was interrupted", async () => {
  await expect(endedInTheEnd("validate")).rejects.toMatchObject({ message: "interrupted", exitCode: 130 });
});
