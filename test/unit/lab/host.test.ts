import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type HostFacts, missingOf, programs } from "../../../lab/machines/check.js";
import {
  packagesArgv,
  packagesDigest,
  parseList,
  programsDigest,
  setupDigest,
} from "../../../lab/machines/image-layers.js";

const disk = { path: "/var/lib/hashistack-lab", freeMb: 90_000, type: 0xef53 };
const able: HostFacts = {
  platform: "linux",
  architecture: "x64",
  uid: 0,
  capabilities: 0x1fffeffffffn,
  programs: Object.keys(programs),
  filesystems: ["ext4", "overlay"],
  namespaces: ["net", "mnt", "pid", "uts", "ipc", "cgroup"],
  ipv6: true,
  memoryMb: 8000,
  state: disk,
  cache: { ...disk, path: "/root/.cache/hashistack" },
  cgroups: { view: "v2", hierarchies: [{ version: 2, controllers: [], mount: "/sys/fs/cgroup", own: "/" }] },
  systemd: true,
  controllers: ["cpu", "memory", "pids", "io"],
};

describe("what a host lacks", () => {
  test("nothing, where all is there", () => {
    expect(missingOf(able)).toEqual([]);
  });

  test.each<[string, Partial<HostFacts>]>([
    ["Linux", { platform: "darwin" }],
    ["an x86-64 or ARM64 processor, not s390x", { architecture: "s390x" }],
    ["root", { uid: 1000 }],
    ["the capabilities SYS_ADMIN and NET_ADMIN", { capabilities: 0n }],
    ["systemd-nspawn", { programs: Object.keys(programs).filter((name) => name !== "systemd-nspawn") }],
    ["overlayfs", { filesystems: ["ext4"] }],
    ["net namespaces", { namespaces: able.namespaces.filter((name) => name !== "net") }],
    ["IPv6", { ipv6: false }],
    ["2048 MiB of free memory (there are 900)", { memoryMb: 900 }],
    ["4096 MiB of free disk at /var/lib/hashistack-lab (there are 10)", { state: { ...disk, freeMb: 10 } }],
    ["a real file system at /var/lib/hashistack-lab", { state: { ...disk, type: 0x794c7630 } }],
    ["control groups", { cgroups: { view: "v2", hierarchies: [] } }],
    ["the control group controller memory", { controllers: ["cpu", "pids"] }],
  ])("%s", (what, change) => {
    const missing = missingOf({ ...able, ...change });
    expect(missing.map((item) => item.what)).toEqual([what]);
    expect(missing[0].mend).not.toBe("");
    expect(missing[0].why).not.toBe("");
  });

  test("a missing program is mended by its Debian package", () => {
    const missing = missingOf({ ...able, programs: [] });
    expect(missing.find(({ what }) => what === "nft")?.mend).toBe(
      "apt-get install --no-install-recommends nftables",
    );
  });
});

describe("the image's layers", () => {
  test("a list has a name a line and reasons behind #", () => {
    expect(parseList("# why\n\nsudo   # to be root\nless\n")).toEqual(["sudo", "less"]);
  });

  test("the package list is plain, without doubles", () => {
    const list = parseList(readFileSync("lab/image/packages.txt", "utf8"));
    expect(list).toContain("openssh-server");
    expect(new Set(list).size).toBe(list.length);
    for (const name of list) expect(name).toMatch(/^[a-z0-9][a-z0-9+.-]+$/);
  });

  test("packages are installed without recommendations from a cache that outlives the build", () => {
    const argv = packagesArgv(["sudo", "less"], "/h.sh", "/t");
    expect(argv).toContain("--include=sudo,less");
    expect(argv).toContain('--aptopt=APT::Install-Recommends "false"');
    expect(argv.slice(-2)).toEqual(["bookworm", "/t"]);
  });

  test("a layer's digest follows what it is made of and what lies below, not the order of a list", () => {
    const file = { path: "a", executable: false, text: "x" };
    const program = { name: "consul", version: "1.21.0", path: "/p", sha256: "aa" };
    expect(packagesDigest(["a", "b"], "x64")).toBe(packagesDigest(["b", "a"], "x64"));
    const digests = [
      packagesDigest(["a", "b"], "x64"),
      packagesDigest(["a", "b", "c"], "x64"),
      packagesDigest(["a", "b"], "arm64"),
      setupDigest("p", [file]),
      setupDigest("q", [file]),
      setupDigest("p", [{ ...file, executable: true }]),
      setupDigest("p", [{ ...file, text: "y" }]),
      programsDigest("p", [program]),
      programsDigest("p", [{ ...program, sha256: "bb" }]),
      programsDigest("p", [program, { ...program, name: "vault" }]),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  test("what runs on a machine is a real script", () => {
    for (const name of ["supervise", "forward", "holder"]) {
      expect(readFileSync(`lab/machines/scripts/${name}.sh`, "utf8")).toMatch(/^#!\/bin\/sh\n# /);
    }
  });
});
