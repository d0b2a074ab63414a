import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { clearHalfWritten } from "../../../cli/half-written";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

it("cut-off attributes and what was never renamed go; whole files and other stacks' stay", () => {
  write("prod.json", "{}");
  write("prod.json.attrs", "");
  write("prod.json.bak", "{}");
  write("prod.json.bak.attrs", '{"user.content_type":"text/plain"}\n');
  write("prod.json.1764000000000000000.tmp", '{"version');
  write("dev.json.attrs", "{");
  expect(clearHalfWritten(folder, "prod.json").sort()).toEqual([
    "prod.json.1764000000000000000.tmp",
    "prod.json.attrs",
  ]);
  expect(readdirSync(folder).sort()).toEqual([
    "dev.json.attrs",
    "prod.json",
    "prod.json.bak",
    "prod.json.bak.attrs",
  ]);
  expect(clearHalfWritten(folder)).toEqual(["dev.json.attrs"]);
});

it("no folder is nothing to do", () => {
  expect(clearHalfWritten(join(folder, "none"))).toEqual([]);
});
