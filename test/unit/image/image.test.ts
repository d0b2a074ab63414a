import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { madeId, prepareFolder, runPacker } from "../../../image/build";
import { type Asked, checkAsked, missingLogin, nextSteps, variablesOf } from "../../../image/clouds";
import { labFiles, packageList, sharedFiles } from "../../../image/contents";
import { defaultName, main } from "../../../image/main";
import { hasPlugin, placePlugin, pluginFile, plugins, userFolder } from "../../../image/plugins";
import { bakedPrograms, parseList, sourceFiles } from "../../../lab/machines/image-layers";
import { projectRoot } from "../../../lab/toolchain/goModule";
import { MANIFEST } from "../../../lab/toolchain/manifest";

const project = projectRoot();
const scratch = mkdtempSync(join(tmpdir(), "hashistack-image-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const linode: Asked = {
  cloud: "linode",
  name: "trial",
  with: [],
  validate: false,
  region: "nl-ams",
  type: "g6-nanode-1",
  sourceImage: "linode/debian12",
};
const openstack: Asked = {
  cloud: "openstack",
  name: "trial",
  with: [],
  validate: false,
  sourceImage: "debian-12",
  flavor: "m1.small",
  network: [],
  securityGroup: [],
};
const programs = bakedPrograms.map((name, index) => {
  const path = join(scratch, name);
  writeFileSync(path, `program ${name}\n`);
  return { name, version: `1.${index}.0`, path, sha256: String(index).repeat(64) };
});
const template = (file: string): string => readFileSync(join(project, "image/template", file), "utf8");
/** Names of the variables that a file of the template declares. */
const declared = (file: string): string[] =>
  [...template(file).matchAll(/^variable "(\w+)"/gm)].map(([, name = ""]) => name);

describe("what is in a cloud's image", () => {
  test("the packages are those of the local machines' image, each", () => {
    const list = parseList(readFileSync(join(project, "lab/image/packages.txt"), "utf8"));
    expect(packageList(project)).toEqual(list);
    // What only a machine with a kernel of its own uses is in the one list, too.
    expect(list).toEqual(
      expect.arrayContaining(["chrony", "cloud-init", "openssh-server", "systemd-resolved"]),
    );
  });

  test("every file of the local machines' image is shared, or said to be a lab's own", () => {
    const all = sourceFiles(join(project, "lab/image/files"), []).map(({ path }) => path);
    expect([...sharedFiles, ...labFiles].sort()).toEqual(all);
  });

  test("the folder for Packer has them, with each program's sum, and nothing else", () => {
    const folder = prepareFolder(linode, programs);
    try {
      const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((file) => statSync(join(folder, file)).isFile())
        .sort();
      expect(files).toEqual(
        [
          "build.pkr.hcl",
          ...sharedFiles.map((file) => `given/files/${file}`),
          "given/packages",
          "given/programs",
          "linode.pkr.hcl",
          ...["check", "clean", "packages", "programs", "settings"].map((name) => `scripts/${name}.sh`),
          "variables.pkr.hcl",
          "variables.pkrvars.json",
        ].sort(),
      );
      expect(readFileSync(join(folder, "given/packages"), "utf8").trim().split("\n")).toEqual(
        packageList(project),
      );
      const lines = readFileSync(join(folder, "given/programs"), "utf8").trim().split("\n");
      expect(lines[0]).toBe(`${"0".repeat(64)} consul 1.0.0`);
      expect(lines.map((line) => line.split(" ")[1])).toEqual([...bakedPrograms]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("every script of the folder is run by the template, the cleaning one last", () => {
    const run = [...template("build.pkr.hcl").matchAll(/scripts\/(\w+)\.sh/g)].map(([, name]) => name);
    const there = readdirSync(join(project, "image/scripts")).map((file) => file.replace(".sh", ""));
    expect([...run].sort()).toEqual(there.sort());
    expect(run[run.length - 1]).toBe("clean");
    for (const name of there)
      execFileSync("sh", ["-n", join(project, `image/scripts/${name}.sh`)], { stdio: "pipe" });
  });
});

describe("the template's variables", () => {
  test.each([linode, openstack])("$cloud: each is declared, and what has no default is given", (asked) => {
    const known = [...declared("variables.pkr.hcl"), ...declared(`${asked.cloud}.pkr.hcl`)];
    const given = Object.keys(variablesOf(asked, programs));
    expect(known).toEqual(expect.arrayContaining(given));
    const text = template("variables.pkr.hcl") + template(`${asked.cloud}.pkr.hcl`);
    const blocks = text.split(/^variable /m).slice(1);
    for (const block of blocks) {
      const name = /^"(\w+)"/.exec(block)?.[1] ?? "";
      if (!/^\s+default\s+=/m.test(block)) expect(given, name).toContain(name);
    }
  });

  test("hold no secret: neither of the environment's, nor a place for one", () => {
    vi.stubEnv("LINODE_TOKEN", "secret-of-linode");
    vi.stubEnv("OS_PASSWORD", "secret-of-openstack");
    for (const asked of [linode, openstack]) {
      const folder = prepareFolder(asked, programs);
      try {
        const all = readdirSync(folder, { recursive: true, encoding: "utf8" })
          .map((file) => join(folder, file))
          .filter((file) => statSync(file).isFile())
          .map((file) => readFileSync(file, "utf8"))
          .join("\n");
        expect(all).not.toMatch(/secret-of-/);
        expect(all).not.toMatch(
          /^\s*(linode_token|password|root_pass|token|application_credential_secret)\s*=/m,
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
    vi.unstubAllEnvs();
  });

  test("the template asks for plugins that the program gets", () => {
    for (const cloud of ["linode", "openstack"] as const)
      expect(template(`${cloud}.pkr.hcl`)).toContain(`source  = "${plugins[cloud].source}"`);
    const row = MANIFEST.find(({ name }) => name === "packer-plugin-openstack");
    expect(row?.version).toBe(plugins.openstack.version);
  });
});

describe("what is refused, in a sentence", () => {
  const sentence = /^[A-Z-].*\.$/;
  test.each([
    ["a name with a blank", { ...linode, name: "my image" }, "--name must be"],
    ["a name of 51", { ...linode, name: "a".repeat(51) }, "--name must be"],
    ["a region that is none", { ...linode, region: "Amsterdam" }, "--region must be one of Linode's"],
    [
      "a firewall that is no number",
      { ...linode, firewall: Number.NaN },
      "--firewall must be a whole number",
    ],
    ["a proxy with a password", { ...linode, aptProxy: "http://me:pw@proxy:3128" }, "--apt-proxy must be"],
    ["a network's name", { ...openstack, network: ["private"] }, "--network must be a network's id"],
    ["a volume of no size", { ...openstack, volume: 0 }, "--volume must be a whole number"],
  ] as [string, Asked, string][])("%s", (_what, asked, words) => {
    expect(() => checkAsked(asked)).toThrow(words);
    try {
      checkAsked(asked);
    } catch (error) {
      expect((error as Error).message).toMatch(sentence);
      expect(error).toMatchObject({ exitCode: 2 });
    }
  });

  test("what is asked for rightly is not", () => {
    checkAsked({ ...linode, firewall: 12, aptProxy: "http://10.0.0.5:3128" });
    checkAsked({ ...openstack, network: ["0f0c5a44-51b0-4f5a-9a3c-0d0b7f0a5f11"], volume: 15 });
  });

  test.each([
    ["linode", {}, "LINODE_TOKEN is not set"],
    ["linode", { LINODE_TOKEN: "t" }, undefined],
    ["openstack", {}, "Neither OS_CLOUD"],
    ["openstack", { OS_CLOUD: "campus" }, undefined],
    ["openstack", { OS_AUTH_URL: "https://k" }, "nobody to log in as"],
    ["openstack", { OS_AUTH_URL: "https://k", OS_USERNAME: "me" }, "nobody to log in as"],
    [
      "openstack",
      { OS_AUTH_URL: "https://k", OS_APPLICATION_CREDENTIAL_ID: "i", OS_APPLICATION_CREDENTIAL_SECRET: "s" },
      undefined,
    ],
  ] as const)("the environment of %s with %j", (cloud, environment, words) => {
    const missing = missingLogin(cloud, environment);
    if (words === undefined) expect(missing).toBeUndefined();
    else {
      expect(missing).toContain(words);
      expect(missing).toMatch(sentence);
    }
  });
});

describe("the command line", () => {
  const asked: Asked[] = [];
  const act = async (one: Asked): Promise<void> => {
    asked.push(one);
  };
  test.each([
    [["linode"], 2],
    [["openstack", "--source-image", "debian-12"], 2],
    [["azure"], 2],
    [["linode", "--region", "nl-ams", "--token", "x"], 2],
    [["--help"], 0],
    [["linode", "--region", "nl-ams"], 0],
  ])("%j ends with %d", async (argv, status) => {
    const err = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const out = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    expect(await main(argv, act)).toBe(status);
    err.mockRestore();
    out.mockRestore();
  });

  test("hands on what was asked for", async () => {
    asked.length = 0;
    const argv = [
      "openstack",
      "--source-image",
      "debian-12",
      "--flavor",
      "m1.small",
      "--network",
      "a",
      "--network",
    ];
    expect(await main([...argv, "b", "--volume", "15", "--with", "traefik", "--validate"], act)).toBe(0);
    expect(asked).toEqual([
      expect.objectContaining({
        cloud: "openstack",
        flavor: "m1.small",
        network: ["a", "b"],
        securityGroup: [],
        volume: 15,
        with: ["traefik"],
        validate: true,
      }),
    ]);
    expect(asked[0]?.name).toMatch(/^hashistack-\d{8}-\d{4}$/);
    expect(defaultName(new Date("2026-11-23T14:15:59Z"))).toBe("hashistack-20261123-1415");
  });

  test("without a login it is the host that lacks something", async () => {
    vi.stubEnv("LINODE_TOKEN", "");
    const words: string[] = [];
    const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      words.push(String(text));
      return true;
    });
    expect(await main(["linode", "--region", "nl-ams"])).toBe(3);
    err.mockRestore();
    vi.unstubAllEnvs();
    expect(words.join("")).toMatch(/^image: LINODE_TOKEN is not set.*\n$/);
  });
});

describe("plugins, where Packer looks for them", () => {
  const folder = join(scratch, "plugins");
  const binary = join(scratch, "plugin");
  const processor = process.arch === "arm64" ? "arm64" : "amd64";

  test("are placed with their sum", () => {
    writeFileSync(binary, "a plugin");
    expect(hasPlugin(folder, "linode")).toBe(false);
    placePlugin(folder, "linode", { version: "1.12.1", path: binary, sha256: "ab".repeat(32) });
    const place = join(folder, "github.com/linode/linode");
    const file = `packer-plugin-linode_v1.12.1_x5.0_linux_${processor}`;
    expect(readdirSync(place).sort()).toEqual([file, `${file}_SHA256SUM`]);
    expect(pluginFile("linode", "1.12.1")).toBe(file);
    expect(statSync(join(place, file)).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(place, `${file}_SHA256SUM`), "utf8")).toBe("ab".repeat(32));
    expect(hasPlugin(folder, "linode")).toBe(true);
  });

  test("count only with a sum, and for their cloud and processor", () => {
    const other = join(scratch, "others");
    const place = join(other, "github.com/linode/linode");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, pluginFile("linode", "1.12.1")), "no sum");
    const foreign = pluginFile("linode", "1.12.1").replace(processor, "riscv64");
    writeFileSync(join(place, foreign), "of another processor");
    writeFileSync(join(place, `${foreign}_SHA256SUM`), "");
    expect(hasPlugin(other, "linode")).toBe(false);
    expect(hasPlugin(folder, "openstack")).toBe(false);
  });

  test("are this user's where Packer has its own", () => {
    expect(userFolder({ PACKER_PLUGIN_PATH: "/p" })).toBe("/p");
    expect(userFolder({ PACKER_CONFIG_DIR: "/c" })).toBe("/c/plugins");
    expect(userFolder({})).toMatch(/\/\.config\/packer\/plugins$/);
  });
});

describe("Packer", () => {
  /** A program in Packer's place, that takes its machine away when it is interrupted. */
  const pretended = (words: string): string => {
    const file = join(scratch, "packer.sh");
    writeFileSync(file, `#!/bin/sh\n${words}\n`, { mode: 0o755 });
    return file;
  };

  test("that fails is said with its exit status", async () => {
    const failing = runPacker(pretended("exit 3"), ["validate"], scratch, process.env);
    await expect(failing).rejects.toMatchObject({
      message: "packer validate failed (exit 3): its own words stand above.",
      exitCode: 1,
    });
    await runPacker(pretended("exit 0"), ["validate"], scratch, process.env);
    await expect(runPacker("/nowhere/packer", ["build"], scratch, {})).rejects.toThrow(
      "could not be started",
    );
  });

  test("is interrupted where this program is to end, and waited for", async () => {
    const [begun, gone] = ["begun", "gone"].map((name) => join(scratch, name));
    const words = `trap 'echo >${gone}; exit 1' INT\necho >${begun}\nwhile :; do sleep 0.05; done`;
    const running = runPacker(pretended(words), ["build"], scratch, process.env);
    const refused = expect(running).rejects.toMatchObject({ message: "interrupted", exitCode: 130 });
    await vi.waitUntil(() => existsSync(begun ?? ""), { timeout: 10_000 });
    process.emit("SIGTERM", "SIGTERM");
    await refused;
    expect(existsSync(gone ?? "")).toBe(true);
    expect(process.listenerCount("SIGTERM")).toBe(listeners);
  });
  const listeners = process.listenerCount("SIGTERM");
});

describe("what Packer made", () => {
  test("is the last build's artifact", () => {
    expect(madeId('{"builds":[{"artifact_id":"private/1"},{"artifact_id":"private/2"}]}')).toBe("private/2");
    expect(() => madeId('{"builds":[]}')).toThrow("named no image");
  });

  test("is said with the line for the settings", () => {
    expect(nextSteps(linode, "private/77")).toContain("hashistack:cloud:\n    image: private/77\n");
  });
});
