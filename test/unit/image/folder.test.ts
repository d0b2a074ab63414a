import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { prepareFolder } from "../../../image/build";
import type { Asked } from "../../../image/clouds";

test("a folder that cannot be made whole is not left", () => {
  const place = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  vi.stubEnv("TMPDIR", place);
  try {
    expect(() => prepareFolder({ cloud: "nowhere" } as unknown as Asked, [])).toThrow("nowhere.pkr.hcl");
    expect(readdirSync(place)).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    rmSync(place, { recursive: true });
  }
});
