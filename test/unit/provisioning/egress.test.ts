import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";

/** The program of the way out, as systemd runs it, on a folder; `ip` writes down what it is asked. */

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-egress-"));
  for (const folder of ["lib", "bin", "etc/hashistack", "proc/sys/net/ipv4"])
    mkdirSync(join(root, folder), { recursive: true });
  const asset = (name: string) => readAsset(`provisioning/machine/${name}.py`);
  writeFileSync(join(root, "lib/host.py"), `${asset("host")}\nROOT = ${JSON.stringify(root)}\n`);
  writeFileSync(join(root, "lib/egress.py"), asset("egress"));
  writeFileSync(join(root, "proc/sys/net/ipv4/ip_forward"), "0\n");
  writeFileSync(join(root, "route"), '[{"dst":"default","gateway":"10.1.0.1","dev":"eth0"}]');
  writeFileSync(
    join(root, "bin/ip"),
    `#!/bin/sh
echo ip "$@" >>${root}/calls
case "$*" in
  *route\\ show*) cat ${root}/route ;;
  *link\\ show*) cat ${root}/links 2>/dev/null || true ;;
esac
`,
    { mode: 0o755 },
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function run(verb: string, config?: object): { status: number | null; stderr: string; calls: string[] } {
  if (config)
    writeFileSync(join(root, "etc/hashistack/egress.json"), JSON.stringify({ ...config, port: 4789 }));
  const { status, stderr } = spawnSync("python3", ["-E", "-s", "-B", join(root, "lib/egress.py"), verb], {
    env: { PATH: `${root}/bin:${process.env.PATH}` },
    encoding: "utf8",
  });
  const log = join(root, "calls");
  return {
    status,
    stderr,
    calls: existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [],
  };
}
const forwards = () => readFileSync(join(root, "proc/sys/net/ipv4/ip_forward"), "utf8").trim();

const behind = {
  local: "10.1.0.37",
  remote: "10.1.0.2",
  address: "100.64.0.37/24",
  gateway: "100.64.0.2",
};

test("a machine behind support sends both halves of the internet there, and leaves the cloud's metadata where they were", () => {
  expect(run("up", behind)).toEqual({
    status: 0,
    stderr: "",
    calls: [
      "ip -j link show type vxlan",
      "ip link add hs-way-out address 02:68:64:40:00:25 mtu 1400 type vxlan id 26739 local 10.1.0.37 remote 10.1.0.2 dstport 4789 srcport 4789 4790 ttl 64",
      "ip address add 100.64.0.37/24 dev hs-way-out",
      "ip link set hs-way-out up",
      "ip -4 -j route show default",
      "ip route replace 169.254.169.254 via 10.1.0.1 dev eth0",
      "ip route replace 0.0.0.0/1 via 100.64.0.2 dev hs-way-out",
      "ip route replace 128.0.0.0/1 via 100.64.0.2 dev hs-way-out",
    ],
  });
  expect(forwards()).toBe("0");
});

test("a default route that names a link alone leaves the metadata on that link", () => {
  writeFileSync(join(root, "route"), '[{"dst":"default","dev":"eth0"}]');
  const { status, stderr, calls } = run("up", behind);
  expect([status, stderr]).toEqual([0, ""]);
  expect(calls).toContain("ip route replace 169.254.169.254 dev eth0");
});

test("support hands on, and changes no route of its own", () => {
  const { status, calls } = run("up", { local: "10.1.0.2", address: "100.64.0.2/24" });
  expect([status, forwards()]).toEqual([0, "1"]);
  expect(calls.filter((call) => call.includes("route"))).toEqual([]);
});

test("what is there from before goes first; down takes it away, and may be said twice", () => {
  writeFileSync(join(root, "links"), '[{"ifname":"hs-way-out"}]');
  expect(run("up", behind).calls.slice(0, 2)).toEqual([
    "ip -j link show type vxlan",
    "ip link delete hs-way-out",
  ]);
  rmSync(join(root, "calls"));
  expect(run("down").calls).toEqual(["ip -j link show type vxlan", "ip link delete hs-way-out"]);
  rmSync(join(root, "calls"));
  writeFileSync(join(root, "links"), "[]");
  expect(run("down")).toMatchObject({ status: 0, calls: ["ip -j link show type vxlan"] });
});

test("a missing configuration is said", () => {
  expect(run("up")).toMatchObject({ status: 1, stderr: expect.stringContaining("egress.json is missing") });
});
