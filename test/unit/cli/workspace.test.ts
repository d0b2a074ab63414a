import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mergeSettings, parseEvent, stackSettings } from "../../../cli/engine";
import { restoreUserPath, usesLocalCloud } from "../../../cli/root";
import {
  checkStackName,
  findWorkspace,
  passphraseFile,
  prepareWorkspace,
  pulumiEnvironment,
  topLevelScalar,
  writePrivate,
} from "../../../cli/workspace";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-cli-"));
  writeFileSync(join(root, "Pulumi.yaml"), "name: trial # a comment\nruntime: nodejs\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const mode = (path: string): number => statSync(path).mode & 0o777;

describe("findWorkspace", () => {
  it("looks upwards from the folder it is given", () => {
    mkdirSync(join(root, "a", "b"), { recursive: true });
    expect(findWorkspace(join(root, "a", "b"), {})).toEqual({
      root,
      project: "trial",
      directory: join(root, ".hashistack"),
      ownBackend: true,
    });
  });
  it("says what is missing", () => {
    const none = mkdtempSync(join(tmpdir(), "hashistack-none-"));
    expect(() => findWorkspace(none, {})).toThrow(/no Pulumi\.yaml in .* or a folder above/);
    rmSync(none, { recursive: true });
  });
  it("leaves the backend to the user who names one", () => {
    expect(findWorkspace(root, { PULUMI_BACKEND_URL: "s3://bucket" }).ownBackend).toBe(false);
    writeFileSync(join(root, "Pulumi.yaml"), "name: trial\nbackend:\n  url: s3://bucket\n");
    expect(findWorkspace(root, {}).ownBackend).toBe(false);
  });
});

describe("writePrivate", () => {
  it("never shows a reader half of a file, nor to others what it holds", () => {
    const path = join(root, "file");
    writeFileSync(path, "the old text", { mode: 0o644 });
    const reader = openSync(path, "r");
    writePrivate(path, "new");
    expect(readFileSync(reader, "utf8")).toBe("the old text");
    closeSync(reader);
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(mode(path)).toBe(0o600);
    expect(readdirSync(root).sort()).toEqual(["Pulumi.yaml", "file"]);
  });
});

describe("prepareWorkspace", () => {
  it("makes the passphrase once, for its owner alone", () => {
    const workspace = findWorkspace(root, {});
    prepareWorkspace(workspace);
    const first = readFileSync(passphraseFile(workspace), "utf8");
    expect(first.trim().length).toBeGreaterThanOrEqual(40);
    prepareWorkspace(workspace);
    expect(readFileSync(passphraseFile(workspace), "utf8")).toBe(first);
    expect([mode(workspace.directory), mode(passphraseFile(workspace))]).toEqual([0o700, 0o600]);
  });
});

describe("pulumiEnvironment", () => {
  it("keeps everything in the workspace by default", () => {
    const workspace = findWorkspace(root, {});
    expect(pulumiEnvironment(workspace, {})).toMatchObject({
      PULUMI_BACKEND_URL: `file://${root}/.hashistack/state`,
      PULUMI_HOME: `${root}/.hashistack/pulumi`,
      PULUMI_CONFIG_PASSPHRASE_FILE: `${root}/.hashistack/passphrase`,
    });
  });
  it("overrides nothing that the user set", () => {
    const env = { PULUMI_BACKEND_URL: "s3://b", PULUMI_CONFIG_PASSPHRASE: "" };
    const given = pulumiEnvironment(findWorkspace(root, env), env);
    expect(Object.keys(given)).not.toEqual(expect.arrayContaining(["PULUMI_BACKEND_URL"]));
    expect(given.PULUMI_CONFIG_PASSPHRASE_FILE).toBeUndefined();
    expect(given.PULUMI_HOME).toBeUndefined();
  });
});

describe("stackSettings", () => {
  const salted = (stack: string): void => {
    const folder = join(root, ".hashistack", "settings", stack);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `Pulumi.${stack}.yaml`), "encryptionsalt: v1:abc:def\n");
  };

  it("gives the engine a copy with the salt, so that the file under version control stays as it is", () => {
    writeFileSync(join(root, "Pulumi.dev.yaml"), "config:\n  trial:word: x");
    salted("dev");
    const file = stackSettings(findWorkspace(root, {}), "dev");
    expect(readFileSync(file ?? "", "utf8")).toBe("config:\n  trial:word: x\nencryptionsalt: v1:abc:def\n");
    expect(readFileSync(join(root, "Pulumi.dev.yaml"), "utf8")).toBe("config:\n  trial:word: x");
    expect(existsSync(join(root, "Pulumi.other.yaml"))).toBe(false);
  });
  it("uses the user's file itself when it has a salt, or the backend is the user's", () => {
    salted("dev");
    writeFileSync(join(root, "Pulumi.dev.yaml"), "encryptionsalt: v1:own\n");
    expect(stackSettings(findWorkspace(root, {}), "dev")).toBeUndefined();
    writeFileSync(join(root, "Pulumi.dev.yaml"), "");
    expect(stackSettings(findWorkspace(root, { PULUMI_BACKEND_URL: "s3://b" }), "dev")).toBeUndefined();
  });
  it("does without a settings file", () => {
    expect(mergeSettings("", "v1:x")).toBe("encryptionsalt: v1:x\n");
  });
});

describe("small readers", () => {
  it("reads plain YAML lines at the top level only", () => {
    const yaml = "  name: inner\nname: 'outer'\n";
    expect(topLevelScalar(yaml, "name")).toBe("outer");
    expect(topLevelScalar(yaml, "main")).toBeUndefined();
  });
  it("takes only JSON objects for events", () => {
    expect(parseEvent('{"sequence":1}')).toEqual({ sequence: 1 });
    expect(parseEvent("error: x")).toBeUndefined();
    expect(parseEvent("{half")).toBeUndefined();
  });
  it.each(["", "../x", ".hidden", "a b", "a/b"])("refuses the stack name %j", (name) => {
    expect(() => checkStackName(name)).toThrow(/cannot be a stack's name/);
  });
});

describe("root", () => {
  it("is needed by stacks of local machines, the default", () => {
    expect(usesLocalCloud("")).toBe(true);
    expect(usesLocalCloud("config:\n  hashistack:cloud:\n    kind: local\n")).toBe(true);
    expect(usesLocalCloud("config:\n  hashistack:cloud: { kind: linode }\n")).toBe(false);
    expect(usesLocalCloud("config:\n  hashistack:cloud:\n    # kind: local once\n    kind: linode\n")).toBe(
      false,
    );
    expect(usesLocalCloud('config:\n  hashistack:cloud:\n    bake: true\n    kind: "linode"\n')).toBe(false);
  });
  it("takes the user's PATH over from sudo", () => {
    const env: NodeJS.ProcessEnv = { PATH: "/sbin", HASHISTACK_USER_PATH: "/home/u/bin:/bin" };
    restoreUserPath(env);
    expect(env).toEqual({ PATH: "/home/u/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin" });
  });
});
