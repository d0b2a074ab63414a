import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** `npm stop` in a checkout of its own, whose lab's program does nothing. */
const checkout = resolve(__dirname, "../../..");
const state = '{"checkpoint":{"latest":{"resources":[{}]}}}';
const linode = "config:\n  hashistack:cloud:\n    kind: linode\n";

let root: string;
const put = (file: string, text: string): void => {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
};
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  cpSync(join(checkout, "bin"), join(root, "bin"), { recursive: true });
  put("dist/lab/machines/main.js", "");
  put("lab/bin/hashistack-lab.js", "");
  put("sudo/sudo", "");
  put("Pulumi.dev.yaml", "config:\n  hashistack:name: dev\n");
  put(".hashistack/passphrase", "words\n");
});
afterEach(() => rmSync(root, { recursive: true }));

const stateOf = (stack: string): string => `.hashistack/state/.pulumi/stacks/hashistack/${stack}.json`;
const has = (file: string): boolean => existsSync(join(root, file));

/** With --force nothing asks an engine; a sudo of ours runs what would need root. */
function stop(): string {
  writeFileSync(join(root, "sudo/sudo"), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
  const env = { PATH: `${join(root, "sudo")}:${process.env.PATH}` };
  const done = spawnSync(process.execPath, [join(root, "bin/stop.mjs"), "--force"], {
    encoding: "utf8",
    env,
  });
  expect(done.stderr).not.toMatch(/error/i);
  expect(done.status).toBe(0);
  return done.stdout;
}

describe("npm stop", () => {
  it("forgets a local stack, and with it all of the folder", () => {
    put(stateOf("dev"), state);
    stop();
    expect(has(".hashistack")).toBe(false);
  });

  it("keeps the state of a stack elsewhere", () => {
    put("Pulumi.prod.yaml", linode);
    put(stateOf("prod"), state);
    expect(stop()).toContain("prod");
    expect(has(stateOf("prod"))).toBe(true);
    expect(has(".hashistack/passphrase")).toBe(true);
  });

  it.each([
    ["cut off in the middle", "prod", '{"checkpoint":{"latest":{"reso'],
    ["empty", "prod", ""],
    ["packed", "prod.json.gz", "\u001f"],
  ])("keeps a state of a stack elsewhere that it cannot read: %s", (_what, file, text) => {
    put("Pulumi.prod.yaml", linode);
    const at = file === "prod" ? stateOf("prod") : `${dirname(stateOf("prod"))}/${file}`;
    put(at, text);
    expect(stop()).toContain("prod");
    expect(has(at)).toBe(true);
  });

  it("ends a local stack whose state a killed run left half written", () => {
    put(stateOf("dev"), '{"checkp');
    stop();
    expect(has(".hashistack")).toBe(false);
  });

  it("takes no word of a comment for the cloud", () => {
    put("Pulumi.prod.yaml", linode.replace("kind:", "# kind: local is for a try\n    kind:"));
    put(stateOf("prod"), state);
    expect(stop()).toContain("prod");
    expect(has(stateOf("prod"))).toBe(true);
  });

  it("keeps the passphrase of a stack whose state lies in another backend", () => {
    put(stateOf("dev"), state);
    put("Pulumi.prod.yaml", `${linode}encryptionsalt: v1:abc:def\n`);
    expect(stop()).toContain("Pulumi.prod.yaml");
    expect(has(".hashistack/passphrase")).toBe(true);
    expect(has(".hashistack/state")).toBe(false);
  });
});
