import { describe, expect, test } from "vitest";
import {
  diskMajors,
  holderArgv,
  machineSettings,
  pathBetween,
  planCgroups,
  readCgroupHost,
  trackingBase,
} from "../../../lab/machines/cgroups.js";

const mount = (type: string, at: string, options: string, root = "/") =>
  `33 31 0:30 ${root} ${at} rw,relatime shared:9 - ${type} cgroup rw,${options}`;

const hybrid = readCgroupHost(
  "9:name=systemd:/\n4:memory:/sandbox/3cfb\n3:cpuset:/\n2:cpu,cpuacct:/\n0::/\n",
  [
    "27 1 254:0 / / rw - ext4 /dev/vda rw",
    mount("cgroup", "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct"),
    mount("cgroup", "/sys/fs/cgroup/cpuset", "cpuset"),
    mount("cgroup", "/sys/fs/cgroup/memory", "memory"),
    mount("cgroup", "/sys/fs/cgroup/systemd", "xattr,name=systemd"),
    mount("cgroup2", "/sys/fs/cgroup/unified", "nsdelegate"),
  ].join("\n"),
);
const unified = readCgroupHost(
  "0::/user.slice/user-1000.slice/session-3.scope\n",
  mount("cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot"),
);

describe("the host's view", () => {
  test("controllers on v1 beside an empty v2 tree", () => {
    expect(hybrid.view).toBe("hybrid");
    expect(hybrid.hierarchies.map(({ controllers }) => controllers.join())).toEqual([
      "cpu,cpuacct",
      "cpuset",
      "memory",
      "name=systemd",
      "",
    ]);
  });

  test("pure v2, pure v1", () => {
    expect(unified.view).toBe("v2");
    expect(readCgroupHost("4:memory:/\n", mount("cgroup", "/sys/fs/cgroup/memory", "memory")).view).toBe(
      "v1",
    );
  });

  test("a mount that shows a part of the tree is counted from that part", () => {
    const part = readCgroupHost(
      "4:memory:/docker/ab/x\n",
      mount("cgroup", "/cg/memory", "memory", "/docker/ab"),
    );
    expect(part.hierarchies[0].own).toBe("/cg/memory/x");
  });

  test("a mount elsewhere in a process's namespace is taken from its root", () => {
    const above = readCgroupHost("0::/../..\n", mount("cgroup2", "/sys/fs/cgroup", "rw"));
    expect(above.hierarchies[0].own).toBe("/sys/fs/cgroup");
  });
});

describe("where a lab's groups go", () => {
  test("v1: below the process's own group, so that limits which hold for it hold for machines", () => {
    const plan = planCgroups(hybrid, false, "hs1");
    expect(plan.unit).toBeUndefined();
    expect(plan.bases.map(({ dir }) => dir)).toEqual([
      "/sys/fs/cgroup/cpu,cpuacct/hashistack-lab/hs1",
      "/sys/fs/cgroup/cpuset/hashistack-lab/hs1",
      "/sys/fs/cgroup/memory/sandbox/3cfb/hashistack-lab/hs1",
      "/sys/fs/cgroup/systemd/hashistack-lab/hs1",
      "/sys/fs/cgroup/unified/hashistack-lab/hs1",
    ]);
    expect(trackingBase(plan).dir).toBe("/sys/fs/cgroup/unified/hashistack-lab/hs1");
  });

  test("v2 under systemd: in a service of the lab's own, which alone may be divided", () => {
    expect(planCgroups(unified, true, "hs1")).toEqual({
      unit: "hashistack-lab-hs1.service",
      bases: [{ version: 2, controllers: [], dir: "/sys/fs/cgroup/system.slice/hashistack-lab-hs1.service" }],
    });
  });

  test("v2 without systemd: below the root, where processes and divided groups may be neighbours", () => {
    expect(planCgroups(unified, false, "hs1").bases[0].dir).toBe("/sys/fs/cgroup/hashistack-lab/hs1");
  });

  test("v1 without a v2 tree is counted by systemd's own hierarchy", () => {
    const host = readCgroupHost(
      "9:name=systemd:/\n4:memory:/\n",
      [mount("cgroup", "/cg/memory", "memory"), mount("cgroup", "/cg/systemd", "name=systemd")].join("\n"),
    );
    expect(trackingBase(planCgroups(host, true, "hs1")).dir).toBe("/cg/systemd/hashistack-lab/hs1");
  });

  test("the directories between, outermost first", () => {
    expect(pathBetween("/a", "/a/b/c")).toEqual(["/a/b", "/a/b/c"]);
    expect(pathBetween("/a", "/a")).toEqual([]);
  });
});

describe("a machine's limits", () => {
  const host = { diskMajors: [8, 254] };
  const settings = (controllers: string[], version: 1 | 2, memoryMb?: number) =>
    machineSettings({ version, controllers, dir: "/cg/x" }, "a", host, memoryMb);

  test("the host's disks are denied", () => {
    expect(settings(["devices"], 1)).toEqual([
      { file: "/cg/x/a/devices.deny", value: "b 8:* rw" },
      { file: "/cg/x/a/devices.deny", value: "b 254:* rw" },
    ]);
  });

  test("memory in v1, memory in v2, none where none is asked for", () => {
    expect(settings(["memory"], 1, 512)).toEqual([
      { file: "/cg/x/a/memory.limit_in_bytes", value: "536870912" },
    ]);
    expect(settings([], 2, 512)).toEqual([{ file: "/cg/x/a/memory.max", value: "536870912" }]);
    expect(settings(["memory"], 1)).toEqual([]);
  });

  test("disks are what /proc/partitions lists, but for loop devices and memory", () => {
    const partitions =
      "major minor  #blocks  name\n\n   7        0     4 loop0\n 254        0  2 vda\n 254 1 2 vda1\n 251 0 1 zram0\n   8 0 9 sda\n";
    expect(diskMajors(partitions)).toEqual([8, 254]);
  });

  test("systemd's service hands on its groups and allows no disk", () => {
    const argv = holderArgv("hs1", "/s/holder.sh");
    expect(argv).toEqual(
      expect.arrayContaining([
        "systemd-run",
        "--unit=hashistack-lab-hs1.service",
        "--property=Delegate=yes",
        "--property=DevicePolicy=closed",
      ]),
    );
    expect(argv.filter((arg) => /block-(sd|vd|nvme|device)/.test(arg))).toEqual([]);
    expect(argv.at(-1)).toBe("/s/holder.sh");
  });
});
