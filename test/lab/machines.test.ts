import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ask,
  connects,
  lab,
  labRun,
  type Machine,
  network,
  otherLab,
  program,
  run,
  sshWith,
} from "./support/lab-program";
import { traces } from "./support/traces";

/**
 * The lab's program with real machines: its command-line contract, what is reached from where, what survives what, and
 * that nothing is left. Needs root, a built dist/ and, the first time, Debian's packages.
 */

const dir = mkdtempSync(join(tmpdir(), "hashistack-lab-test-"));

for (const name of ["user", "host"]) {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", join(dir, name)]);
}
const readKey = (name: string): string => readFileSync(join(dir, name), "utf8");
const specOf = (name: string, change: object = {}): string =>
  JSON.stringify({
    name,
    bake: false,
    network,
    firstContact: { user: "ops", authorizedKeys: [readKey("user.pub").trim()], hostKey: readKey("host") },
    ...change,
  });
const supportSpec = specOf("support-a", { public: true, publicPorts: [22, 8200] });
const create = (spec: string, name = lab) => ask<Machine>(["create"], spec, name);
const stateOf = async (name: string) =>
  (await ask<Machine[]>(["list"])).find((machine) => machine.name === name)?.state;

const { ssh, untilSsh } = sshWith(join(dir, "config"));

let support: Machine;
let control: Machine;
const viaSupport = () => ["-J", `ops@${support.forwardAddress}`];

beforeAll(async () => {
  writeFileSync(join(dir, "known"), `* ${readKey("host.pub")}`);
  const options = [
    `UserKnownHostsFile ${join(dir, "known")}`,
    "StrictHostKeyChecking yes",
    "HostKeyAlgorithms ssh-ed25519",
    `IdentityFile ${join(dir, "user")}`,
    "IdentitiesOnly yes",
    "BatchMode yes",
    "ConnectTimeout 5",
    "LogLevel ERROR",
    "User ops",
  ];
  writeFileSync(join(dir, "config"), `Host *\n${options.map((line) => `  ${line}\n`).join("")}`);
  await ask(["down"]);
  await ask(["down"], undefined, otherLab);
  await run([process.execPath, program, "image"]);
  [support, control] = await Promise.all([create(supportSpec), create(specOf("control-a"))]);
});

afterAll(async () => {
  await labRun(["down"]);
  await labRun(["down"], undefined, otherLab);
  rmSync(dir, { recursive: true, force: true });
});

describe("the contract", () => {
  test("check tells what is missing: nothing here", async () => {
    expect(await ask(["check"])).toEqual({ ok: true, missing: [] });
  });

  test("the image is made once", async () => {
    const image = await ask<{ digest: string; path: string; builtNow: boolean }>(["image"]);
    expect(image.builtNow).toBe(false);
    expect(existsSync(image.path)).toBe(true);
  });

  test("create answers the machine's addresses, and the same when it is called again", async () => {
    expect(support).toEqual({
      id: expect.stringMatching(/^support-a\.[0-9a-f]{8}$/),
      name: "support-a",
      privateIpv4: expect.stringMatching(/^198\.51\.100\.1[12]$/),
      privateIpv6: expect.stringMatching(/^fd00:1ab::1[12]$/),
      publicIpv4: expect.stringMatching(/^203\.0\.113\.1[12]$/),
      publicIpv6: expect.stringMatching(/^fd00:1ab:77::1[12]$/),
      forwardAddress: expect.stringMatching(/^127\.77\.\d+\.1[12]$/),
    });
    expect(Object.keys(control).sort()).toEqual(["id", "name", "privateIpv4", "privateIpv6"]);
    const again = await Promise.all([create(supportSpec), create(supportSpec), create(specOf("control-a"))]);
    expect(again).toEqual([support, support, control]);
  });

  test.each<[string, readonly string[], string, number, RegExp]>([
    ["a wrong spec", ["create"], '{"name": "x"}', 2, /^Specification: name must be 3 to 50/],
    [
      "another network",
      ["create"],
      specOf("control-z", { network: { ...network, ipv4: "10.0.0.0/24" } }),
      2,
      /has the network 198/,
    ],
    [
      "a private machine as a public one",
      ["create"],
      specOf("control-a", { public: true }),
      2,
      /exists and is private/,
    ],
    ["an unknown machine", ["stop", "nobody"], "", 4, /^The lab test-machines has no machine "nobody"\.$/m],
    ["an unknown verb", ["dance"], "", 2, /unknown command/],
  ])("%s is refused in words, with nothing on standard output", async (_, args, input, code, words) => {
    const outcome = await labRun(
      args,
      input.replace("@keys@", JSON.stringify(JSON.parse(specOf("xxx")).firstContact)),
    );
    expect(outcome.err).toMatch(words);
    expect(outcome).toMatchObject({ code, out: "" });
  });

  test("an unknown machine is destroyed already", async () => {
    expect(await ask(["destroy"], '{"name": "nobody"}')).toEqual({ name: "nobody", destroyed: false });
  });

  test("info tells who is outside", async () => {
    expect(await ask(["info"])).toMatchObject({
      addresses: { outside: { ipv4: "192.0.2.10" }, stranger: { ipv4: "192.0.2.66" } },
      network,
    });
  });
});

describe("a machine", () => {
  test("answers on its forward, and through it the private ones, over both families", async () => {
    expect(await untilSsh(`${support.forwardAddress}`, [], ["hostname"])).toBe("support-a");
    for (const address of [control.privateIpv4, control.privateIpv6]) {
      expect(await untilSsh(address, viaSupport(), ["hostname"])).toBe("control-a");
    }
  });

  test("is a whole system with no failed unit, and only what was asked for listens", async () => {
    const { out } = await ssh(`${support.forwardAddress}`, [
      "systemctl is-system-running --wait; systemctl is-active firewalld nginx chrony; sudo ss -Hltn | awk '{print $4}'",
    ]);
    const lines = out.trim().split("\n");
    expect(lines.slice(0, 4)).toEqual(["running", "inactive", "inactive", "inactive"]);
    expect(lines.slice(4).filter((at) => !at.startsWith("127."))).toEqual(["0.0.0.0:22", "[::]:22"]);
  });

  test("lets neither root nor a password in", async () => {
    const asRoot = await run(["ssh", "-F", join(dir, "config"), `root@${support.forwardAddress}`, "true"]);
    expect(asRoot.err).toContain("Permission denied (publickey)");
    const password = [
      "-o",
      "PubkeyAuthentication=no",
      "-o",
      "PreferredAuthentications=password,keyboard-interactive",
    ];
    expect((await ssh(`${support.forwardAddress}`, ["true"], password)).err).toContain(
      "Permission denied (publickey)",
    );
    expect((await ssh(`${support.forwardAddress}`, ["sudo", "-n", "id", "-u"])).out.trim()).toBe("0");
  });

  test("can neither set the host's clock nor read the host's disks", async () => {
    const bounds = await ssh(`${support.forwardAddress}`, ["grep", "CapBnd", "/proc/1/status"]);
    const mask = BigInt(`0x${bounds.out.split(/\s+/)[1]}`);
    for (const bit of [16n, 17n, 25n]) expect((mask >> bit) & 1n).toBe(0n);
    const disk = readFileSync("/proc/partitions", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .find(([major, , , name]) => Number(major) > 0 && name && !/^(loop|ram|zram)/.test(name));
    expect(disk).toBeDefined();
    const read = `sudo mknod /root/disk b ${disk?.[0]} ${disk?.[1]} && sudo head -c 1 /root/disk | wc -c`;
    const outcome = await ssh(`${support.forwardAddress}`, [read]);
    expect(outcome.err).toContain("Operation not permitted");
    expect(outcome.out.trim()).toBe("0");
  });

  test("is reached from outside at its public addresses alone", async () => {
    const [v4, v6] = [`${support.publicIpv4}`, `${support.publicIpv6}`];
    expect(
      await Promise.all([
        connects(["outside"], v4, 22),
        connects(["outside", "--stranger"], v6, 22),
        connects(["outside"], support.privateIpv4, 22),
        connects(["stranger"], control.privateIpv6, 22),
        connects(["control-a"], support.privateIpv6, 22),
      ]),
    ).toEqual(["open", "open", "silent", "silent", "open"]);
  });

  test("sees who calls: an admin by the forward, the stranger as himself", async () => {
    const caller = ["echo $SSH_CONNECTION"];
    expect((await ssh(`${support.forwardAddress}`, caller)).out).toMatch(/^192\.0\.2\.10 /);
    const asStranger = ["ssh", "-F", join(dir, "config"), `${support.publicIpv6}`, ...caller];
    expect((await labRun(["exec", "outside", "--stranger", "--", ...asStranger])).out).toMatch(
      /^fd00:1ab:ff::66 /,
    );
  });

  test("has a forward for a port that listens only later, and for many callers at once", async () => {
    const url = `http://${support.forwardAddress}:8200/hostname`;
    await expect(fetch(url)).rejects.toThrow();
    await ssh(`${support.forwardAddress}`, [
      "sudo systemd-run -q -p WorkingDirectory=/etc python3 -c " +
        "'import http.server as h; h.ThreadingHTTPServer.request_queue_size = 500; " +
        'h.ThreadingHTTPServer(("", 8200), h.SimpleHTTPRequestHandler).serve_forever()\'',
    ]);
    const listening = "for i in $(seq 100); do ss -Hltn | grep -q :8200 && exit 0; sleep 0.1; done; exit 1";
    expect((await ssh(`${support.forwardAddress}`, [listening])).code).toBe(0);
    const answers = await Promise.all(Array.from({ length: 200 }, async () => (await fetch(url)).text()));
    expect(new Set(answers)).toEqual(new Set(["support-a\n"]));
  });
});

describe("a machine's life", () => {
  const bootId = "cat /proc/1/stat | cut -d' ' -f22";

  test("a reboot from inside keeps the disk", async () => {
    const before = await untilSsh(control.privateIpv6, viaSupport(), [bootId]);
    await ssh(control.privateIpv6, ["touch kept; sync; sudo systemctl reboot"], viaSupport());
    const after = await untilSsh(control.privateIpv6, viaSupport(), [`test -e kept && ${bootId}`]);
    expect(Number(after)).toBeGreaterThan(Number(before));
  });

  test("stop, start, kill, reboot: each leads where it says, from wherever it was", async () => {
    expect(await ask(["stop", "control-a"])).toEqual({ ...control, state: "stopped" });
    expect(await ask(["stop", "control-a"])).toEqual({ ...control, state: "stopped" });
    expect(await ask(["start", "control-a"])).toEqual({ ...control, state: "running" });
    expect(await ask(["start", "control-a"])).toEqual({ ...control, state: "running" });
    expect(await ask(["kill", "control-a"])).toEqual({ ...control, state: "dead" });
    expect(await stateOf("control-a")).toBe("dead");
    expect(await ask(["reboot", "control-a"])).toEqual({ ...control, state: "running" });
    await untilSsh(control.privateIpv6, viaSupport());
    expect(await ask(["reboot", "control-a"])).toEqual({ ...control, state: "running" });
    await untilSsh(control.privateIpv6, viaSupport(), ["test", "-e", "kept"]);
  });

  test("a host key that was put in later stays when the machine is taken up again", async () => {
    const mark = [
      "sudo sh -c 'echo >> /etc/ssh/ssh_host_ed25519_key'; sudo sha256sum /etc/ssh/ssh_host_ed25519_key",
    ];
    const { out } = await ssh(control.privateIpv6, mark, viaSupport());
    await ask(["stop", "control-a"]);
    await create(specOf("control-a"));
    expect(await untilSsh(control.privateIpv6, viaSupport(), [mark[0].split("; ")[1]])).toBe(out.trim());
  });

  test("a caller that was killed leaves a machine that the next one takes up", async () => {
    const child = spawn(process.execPath, [program, "--lab", lab, "create"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.stdin.end(specOf("cut-a"));
    const record = `/var/lib/hashistack-lab/${lab}/machines/cut-a/machine.json`;
    const end = Date.now() + 20_000;
    while (!existsSync(record) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGKILL");
    const cut = await create(specOf("cut-a"));
    expect(await untilSsh(cut.privateIpv4, viaSupport(), ["hostname"])).toBe("cut-a");
    expect(await ask(["destroy"], JSON.stringify(cut))).toEqual({ name: "cut-a", destroyed: true });
    expect(await stateOf("cut-a")).toBeUndefined();
  });

  test("a port that something else has makes the forward fail in words", async () => {
    const { forwardAddress: taken } = await create(specOf("edge-a", { public: true, publicPorts: [8301] }));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(8300, taken, resolve));
    const outcome = await labRun(["create"], specOf("edge-a", { public: true, publicPorts: [8300, 8301] }));
    await new Promise((resolve) => server.close(resolve));
    expect(outcome.err).toContain(`The forward ${taken}:8300 of machine edge-a cannot listen`);
    expect(outcome.code).toBe(1);
    await ask(["destroy"], '{"name": "edge-a"}');
  });
});

describe("labs", () => {
  // The kernel lets a killed process be seen for a moment more, until its parent has taken note.
  const expectGone = (name: string) => expect.poll(() => traces(name), { timeout: 5000 }).toEqual([]);

  test("two labs with machines of the same name do not disturb each other", async () => {
    const twin = await create(supportSpec, otherLab);
    expect(twin.forwardAddress).not.toBe(support.forwardAddress);
    expect(await untilSsh(`${twin.forwardAddress}`, [], ["test ! -e /root/disk && hostname"])).toBe(
      "support-a",
    );
    expect(traces(otherLab)).not.toEqual([]);
    await ask(["down"], undefined, otherLab);
    await expectGone(otherLab);
    expect(await stateOf("support-a")).toBe("running");
    await untilSsh(`${support.forwardAddress}`);
  });

  test("with its last machine a lab is gone, and the next one makes it anew", async () => {
    const first = await create(specOf("only-a"), otherLab);
    const [, second] = await Promise.all([
      ask(["destroy"], JSON.stringify(first), otherLab),
      create(specOf("next-a"), otherLab),
    ]);
    expect(await ask<Machine[]>(["list"], undefined, otherLab)).toMatchObject([
      { name: "next-a", state: "running" },
    ]);
    await ask(["destroy"], JSON.stringify(second), otherLab);
    await expectGone(otherLab);
    await ask(["destroy"], JSON.stringify(second), otherLab);
    await expectGone(otherLab);
  });

  test("resume makes a lab stand again whose processes and namespaces are gone", async () => {
    // What a host's reboot does: everything but the files is lost, and the boot is another one.
    const { cgroups } = JSON.parse(readFileSync(`/var/lib/hashistack-lab/${lab}/lab.json`, "utf8"));
    for (const { version, dir: group } of cgroups.bases) {
      if (version === 2) writeFileSync(join(group, "cgroup.kill"), "1");
    }
    for (const namespace of readdirSync("/run/netns").filter((entry) => entry.startsWith(`${lab}.`))) {
      await run(["ip", "netns", "del", namespace]);
    }
    const files = ["lab.json", "machines/support-a/machine.json", "machines/control-a/machine.json"];
    for (const file of files.map((name) => `/var/lib/hashistack-lab/${lab}/${name}`)) {
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), boot: "another" }));
    }
    expect(await stateOf("support-a")).toBe("dead");
    const states = (await ask<Machine[]>(["resume"])).map(({ state }) => state);
    expect(states).toEqual(["running", "running"]);
    await untilSsh(`${support.forwardAddress}`);
    await untilSsh(control.privateIpv6, viaSupport(), ["test", "-e", "kept"]);
  });

  test("down leaves nothing, and has nothing to do the second time", async () => {
    expect(await ask(["down"])).toEqual({ machines: 2 });
    await expectGone(lab);
    expect(await ask(["down"])).toEqual({ machines: 0 });
    expect(await ask(["list"])).toEqual([]);
  });
});
