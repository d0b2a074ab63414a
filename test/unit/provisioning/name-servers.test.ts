import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";

/** The program for name servers, as systemd runs it, on a folder; `ip` and `resolvectl` write down what they are asked. */

const stub = "/run/systemd/resolve/stub-resolv.conf";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hashistack-names-"));
  for (const folder of ["lib", "bin", "etc/hashistack"]) mkdirSync(join(root, folder), { recursive: true });
  const asset = (name: string) => readAsset(`provisioning/machine/${name}.py`);
  writeFileSync(join(root, "lib/host.py"), `${asset("host")}\nROOT = ${JSON.stringify(root)}\n`);
  writeFileSync(join(root, "lib/name_servers.py"), asset("name_servers"));
  for (const name of ["ip", "resolvectl"]) {
    const answer = `cat ${root}/answer-${name} 2>/dev/null || true`;
    writeFileSync(join(root, "bin", name), `#!/bin/sh\necho ${name} "$@" >>${root}/calls\n${answer}\n`, {
      mode: 0o755,
    });
  }
  writeFileSync(join(root, "answer-ip"), '[{"dst":"192.0.2.53","gateway":"192.0.2.1","dev":"eth0"}]');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const resolv = () => join(root, "etc/resolv.conf");
function run(): { status: number | null; stderr: string; calls: string[] } {
  const { status, stderr } = spawnSync("python3", ["-E", "-s", "-B", join(root, "lib/name_servers.py")], {
    env: { PATH: `${root}/bin:${process.env.PATH}` },
    encoding: "utf8",
  });
  const log = join(root, "calls");
  const calls = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  rmSync(log, { force: true });
  return { status, stderr, calls };
}

const asked = [
  "ip -j route get 192.0.2.53",
  "resolvectl dns eth0 192.0.2.53 2001:db8::53",
  "resolvectl domain eth0 ~.",
];

test("resolved's own file and no servers kept: nothing is done", () => {
  symlinkSync(stub, resolv());
  expect(run()).toEqual({ status: 0, stderr: "", calls: [] });
});

test("a file that the cloud wrote: its servers become the outer interface's, and the file resolved's", () => {
  writeFileSync(
    resolv(),
    "# Generated\ndomain members.example\nnameserver 192.0.2.53\nnameserver 127.0.0.53\nnameserver 2001:db8::53\nnameserver nonsense\nnameserver\noptions rotate\n",
  );
  expect(run()).toEqual({ status: 0, stderr: "", calls: asked });
  expect(readlinkSync(resolv())).toBe(stub);
  // After a boot at which the cloud leaves the file alone.
  expect(run()).toEqual({ status: 0, stderr: "", calls: asked });
});

test("a link to somebody else's file is taken over, too", () => {
  writeFileSync(join(root, "etc/other"), "nameserver 192.0.2.7\n");
  symlinkSync(join(root, "etc/other"), resolv());
  expect(run().calls).toContain("resolvectl dns eth0 192.0.2.7");
  expect(lstatSync(resolv()).isSymbolicLink() && readlinkSync(resolv())).toBe(stub);
  expect(execFileSync("cat", [join(root, "etc/other")], { encoding: "utf8" })).toBe("nameserver 192.0.2.7\n");
});

test("no way out is said", () => {
  writeFileSync(resolv(), "nameserver 192.0.2.53\n");
  writeFileSync(join(root, "answer-ip"), "[]");
  expect(run()).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("no interface leads out, so no name server can be asked"),
  });
});
