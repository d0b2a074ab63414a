import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { labProgram } from "../../../components/clouds/local/program";

/** Where a program of somebody else's finds what makes local machines. */

let root: string;
let project: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-lab-program-"));
  project = join(root, "teams", "web");
  mkdirSync(project, { recursive: true });
});

afterEach(() => rmSync(root, { recursive: true }));

function put(...folder: string[]): string {
  const bin = join(root, ...folder);
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "hashistack-lab"), "");
  return bin;
}

describe("hashistack-lab", () => {
  test("of the project, told relative to it", () => {
    put("node_modules", ".bin");
    put("teams", "web", "node_modules", ".bin");
    expect(labProgram(project, {})).toBe("node_modules/.bin/hashistack-lab");
  });

  test("of a workspace's root", () => {
    put("node_modules", ".bin");
    expect(labProgram(project, {})).toBe("../../node_modules/.bin/hashistack-lab");
  });

  test("on PATH", () => {
    const bin = put("bin");
    expect(labProgram(project, { PATH: `/nowhere:${bin}` })).toBe("hashistack-lab");
  });

  test("nowhere: one sentence that says what to do", () => {
    expect(() => labProgram(project, { PATH: "/nowhere" })).toThrow(
      `Local machines are made by the program hashistack-lab, which neither ${project} nor PATH has: npm install --save-dev hashistack-lab.`,
    );
  });
});
