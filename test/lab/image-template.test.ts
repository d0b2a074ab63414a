import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderUserData } from "../../components/clouds/user-data";
import { prepareFolder } from "../../image/build";
import type { Asked } from "../../image/clouds";
import { packageList } from "../../image/contents";
import { hasPlugin, userFolder } from "../../image/plugins";
import { type LabLinode, raiseLinode } from "../../lab/linode/lab-linode";
import { bakedPrograms } from "../../lab/machines/image-layers";
import { namespacePath, outsideNamespace } from "../../lab/machines/names";
import { toolchainRoot } from "../../lab/toolchain/cache";
import { projectRoot } from "../../lab/toolchain/goModule";
import { ensureTools, type ResolvedTool } from "../../lab/toolchain/index";
import { type DebianProxy, openDebianProxy } from "./support/debian-proxy";

/**
 * The clouds' image, by Packer itself: what the template's scripts make of a machine, over SSH, and that a machine of the image so
 * made is one of a cluster. Linode's own plugin is tried where it is installed.
 */

const lab = "test-image";
const token = "rehearsal";
let dir = "";
const key = (name: string): string => readFileSync(join(dir, name), "utf8");
const pluginForLinode = [userFolder(process.env), join(toolchainRoot(), "packer-plugins")].some((folder) =>
  hasPlugin(folder, "linode"),
);

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(
  [program = "", ...args]: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; limitSeconds?: number } = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const { cwd, env, limitSeconds = 60 } = options;
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const limit = setTimeout(() => child.kill("SIGINT"), limitSeconds * 1000);
    const text = { out: "", err: "" };
    for (const name of ["out", "err"] as const)
      child[name === "out" ? "stdout" : "stderr"].setEncoding("utf8").on("data", (more: string) => {
        text[name] += more;
      });
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(limit);
      resolve({ code: code ?? 1, ...text });
    });
  });
}

async function until<T>(what: string, value: () => Promise<T>, so: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 90_000;
  for (;;) {
    const found = await value();
    if (so(found)) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within 90 s: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

describe("an image at an emulated Linode", () => {
  let linode: LabLinode;
  let proxy: DebianProxy;
  let programs: ResolvedTool[];
  let packer = "";

  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into is any JSON
  async function ask(method: string, path: string, body?: unknown): Promise<any> {
    const json =
      body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
    const argv = [
      "curl",
      "-sS",
      "--max-time",
      "20",
      "-X",
      method,
      "-H",
      `Authorization: Bearer ${token}`,
      ...json,
    ];
    const { out, err } = await run(linode.fromOutside([...argv, `${linode.url}/v4${path}`]));
    if (out === "") throw new Error(`${method} ${path}: ${err}`);
    return JSON.parse(out);
  }

  const ssh = (user: string, identity: string, address: string, command: string): Promise<Outcome> =>
    run(
      linode.fromOutside([
        "ssh",
        ...["-i", join(dir, identity), "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"],
        ...["-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=4", "-o", "LogLevel=ERROR"],
        `${user}@${address}`,
        command,
      ]),
    );
  const untilLogin = (user: string, identity: string, address: string, command = "true"): Promise<Outcome> =>
    until(
      `A login of ${user} at ${address}`,
      () => ssh(user, identity, address, command),
      ({ code }) => code === 0,
    );
  const status = (id: number, wanted: string) =>
    until(
      `Instance ${id}`,
      () => ask("GET", `/linode/instances/${id}`),
      (found) => found.status === wanted,
    );
  const order = (label: string, image: string, rest: object) => ({
    label,
    region: "nl-ams",
    type: "g6-nanode-1",
    image,
    root_pass: "correct horse battery staple",
    ...rest,
  });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "hashistack-image-lab-"));
    for (const [name, kind] of [
      ["builder", "ed25519"],
      ["user", "ed25519"],
      ["host", "ecdsa"],
    ]) {
      execFileSync("ssh-keygen", ["-q", "-t", kind, "-N", "", "-C", name, "-f", join(dir, name)]);
    }
    linode = await raiseLinode({ lab, subnet: "10.20.0.0/24", say: (words) => console.warn(words) });
    proxy = await openDebianProxy(dir, namespacePath(outsideNamespace(lab)));
    const tools = await ensureTools(["packer", ...bakedPrograms]);
    packer = tools[0]?.path ?? "";
    programs = tools.slice(1);
  });
  afterAll(async () => {
    await proxy?.close();
    await linode?.close();
    if (dir) rmSync(dir, { recursive: true, force: true });
  });

  /** Looks at a machine made of the image: it is one of a cluster, and nothing of the image's own first machine. */
  async function look(image: string): Promise<void> {
    const userData = renderUserData({ user: "ops", authorizedKeys: [key("user.pub")], hostKey: key("host") });
    const made = await ask(
      "POST",
      "/linode/instances",
      order("trial-control-a-1f2e3d", image, {
        metadata: { user_data: Buffer.from(userData).toString("base64") },
      }),
    );
    await status(made.id, "running");
    const [address] = made.ipv4;
    await untilLogin("ops", "user", address);
    const words = async (command: string): Promise<string> =>
      (await ssh("ops", "user", address, command)).out.trim();
    expect(await words("hostname; sudo id -un")).toBe("trial-control-a-1f2e3d\nroot");
    for (const { name, version, sha256 } of programs) {
      expect(await words(`readlink /usr/local/bin/${name}`)).toBe(`/opt/hashistack/bin/${name}-${version}`);
      expect(await words(`cat /opt/hashistack/bin/${name}-${version}.sha256`)).toBe(sha256);
    }
    for (const name of ["consul", "vault", "nomad"])
      expect(await words(`${name} version`)).toContain(
        programs.find((one) => one.name === name)?.version ?? "",
      );
    expect(await words("ls /etc/ssh/ssh_host_*_key")).toBe("/etc/ssh/ssh_host_ecdsa_key");
    expect(
      await words("systemctl is-active nginx firewalld; systemctl is-enabled ssh systemd-resolved"),
    ).toBe("inactive\ninactive\nenabled\nenabled");
    expect(await words("getent passwd | awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }'")).toBe("ops");
    expect((await ssh("root", "builder", address, "true")).code).not.toBe(0);
    await ask("DELETE", `/linode/instances/${made.id}`);
  }

  /** What a disk must not hold that becomes an image. Asked of it as an image's layer, from this host. */
  function traces(image: string): Record<string, unknown> {
    const root = join("/var/lib/hashistack-lab", lab, "images", image.replace("/", "-"), "root");
    const find = (...args: string[]): string[] =>
      execFileSync("find", [root, ...args], { encoding: "utf8" })
        .split("\n")
        .filter(Boolean)
        .map((path) => path.slice(root.length));
    const shadow = readFileSync(join(root, "etc/shadow"), "utf8");
    return {
      hostKeys: find("-path", "*/etc/ssh/ssh_host_*", "-type", "f"),
      machineId: readFileSync(join(root, "etc/machine-id"), "utf8"),
      root: shadow
        .split("\n")
        .find((line) => line.startsWith("root:"))
        ?.split(":")[1],
      keys: find("-name", "authorized_keys", "-type", "f"),
      cloudInit: find("-path", "*/var/lib/cloud/*", "-type", "f"),
      lists: find("-path", "*/var/lib/apt/lists/*", "-type", "f", "-size", "+0"),
      logs: find("-path", "*/var/log/*", "-type", "f", "-size", "+0"),
      given: find("-path", "*/var/tmp/hashistack*"),
      history: find("-name", ".*_history", "-type", "f"),
      builder: spawnSync("grep", ["-rlF", "--", key("builder.pub").split(" ")[1] ?? "", root], {
        encoding: "utf8",
      }).stdout,
    };
  }

  test("is made by the template's scripts over SSH, of Debian alone; a machine of it is one of a cluster", async () => {
    const made = await ask(
      "POST",
      "/linode/instances",
      order("becomes-an-image", "linode/debian12", { authorized_keys: [key("builder.pub").trim()] }),
    );
    await status(made.id, "running");
    const [address] = made.ipv4;
    await untilLogin("root", "builder", address, "cloud-init status --wait >/dev/null; true");
    // Of the emulated Debian, which has all packages: some go, so that the template brings them.
    const gone = ["chrony", "firewalld", "nginx-light", "containernetworking-plugins", "jq"];
    const purge = `apt-get -qq -y purge ${gone.join(" ")} && apt-get -qq -y autoremove && echo gone`;
    expect((await ssh("root", "builder", address, purge)).out).toContain("gone");
    const asked: Asked = {
      ...{ cloud: "linode", name: "trial", with: [], validate: false, aptProxy: proxy.url },
      ...{ region: "nl-ams", type: "g6-nanode-1", sourceImage: "linode/debian12" },
    };
    const folder = prepareFolder(asked, programs);
    try {
      rmSync(join(folder, "linode.pkr.hcl"));
      writeFileSync(
        join(folder, "null.pkr.hcl"),
        `source "null" "image" {\n  ssh_host = "${address}"\n  ssh_username = "root"\n  ssh_private_key_file = "${join(dir, "builder")}"\n}\n`,
      );
      const file = join(folder, "variables.pkrvars.json");
      const { name, description, programs: paths, apt_proxy } = JSON.parse(readFileSync(file, "utf8"));
      writeFileSync(file, JSON.stringify({ cloud: "null", name, description, programs: paths, apt_proxy }));
      const env = { ...process.env, CHECKPOINT_DISABLE: "1", PACKER_CONFIG_DIR: folder };
      const argv = [packer, "build", "-color=false", "-var-file=variables.pkrvars.json", "."];
      const { code, out, err } = await run(linode.fromOutside(argv), { cwd: folder, env, limitSeconds: 400 });
      expect(code, `${out}${err}`.slice(-3000)).toBe(0);
      expect(proxy.asked()).toBeGreaterThan(gone.length);
    } finally {
      rmSync(folder, { recursive: true });
    }
    await ask("POST", `/linode/instances/${made.id}/shutdown`);
    await status(made.id, "offline");
    const { data: disks } = await ask("GET", `/linode/instances/${made.id}/disks`);
    const image = await ask("POST", "/images", { disk_id: disks[0].id, label: "trial", cloud_init: true });
    await until(
      "The image",
      () => ask("GET", `/images/${image.id}`),
      (found) => found.status === "available",
    );
    await ask("DELETE", `/linode/instances/${made.id}`);
    expect(traces(image.id)).toEqual({
      hostKeys: [],
      machineId: "",
      root: "!*",
      keys: [],
      cloudInit: [],
      lists: [],
      logs: [],
      given: [],
      history: [],
      builder: "",
    });
    expect(packageList(projectRoot())).toEqual(expect.arrayContaining(gone));
    await look(image.id);
  });

  test.skipIf(!pluginForLinode)("is made by Linode's own plugin, with one command", async () => {
    const program = join(projectRoot(), "dist/image/main.js");
    const argv = [process.execPath, program, "linode", "--region", "nl-ams", "--name", "by-the-plugin"];
    const env = { ...process.env, LINODE_TOKEN: token, LINODE_URL: linode.url };
    const { code, out, err } = await run(linode.fromOutside([...argv, "--apt-proxy", proxy.url]), {
      env,
      limitSeconds: 400,
    });
    expect(code, err.slice(-3000)).toBe(0);
    const image = /^ {4}image: (private\/\d+)$/m.exec(out)?.[1] ?? "";
    expect(await ask("GET", `/images/${image}`)).toMatchObject({
      label: "by-the-plugin",
      status: "available",
      capabilities: ["cloud-init"],
    });
    await until(
      "The end of Packer's machine",
      () => ask("GET", "/linode/instances"),
      ({ data }) => data.every((one: { label: string }) => !one.label.startsWith("packer-")),
    );
    await look(image);
  });
});
