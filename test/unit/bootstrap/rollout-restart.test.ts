import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";
import { Authority } from "../provisioning/authority";
import { FolderMachine } from "../provisioning/machine";

/** The machine's side: what support's key can do there, and what not. */

let machine: FolderMachine;
beforeEach(() => {
  machine = new FolderMachine();
  for (const unit of ["consul.service", "nomad.service", "ssh.service"]) {
    machine.setUnit(unit, { LoadState: "loaded", ActiveState: "active", InvocationID: "7" });
  }
  machine.write("var/lib/hashistack/pending/consul.service", "7\n", 0o600);
});
afterEach(() => machine.end());

const source = `${readAsset("provisioning/machine/restart_pending.py")}
def create(input):
  return {"status": main(input["words"].split())}
`;

async function ask(words: string): Promise<{ status: number; stdout: string; stderr: string }> {
  const ran = await machine.run("program", { words }, "create", { source });
  const at = ran.stdout.lastIndexOf('{"status"');
  return at < 0 ? ran : { ...ran, ...JSON.parse(ran.stdout.slice(at)), stdout: ran.stdout.slice(0, at) };
}

test("what waits is told, and restarted once", async () => {
  expect(await ask("pending")).toMatchObject({ status: 0, stdout: '["consul.service"]\n' });
  expect(await ask("restart consul.service")).toMatchObject({ status: 0 });
  expect(machine.calls()).toEqual(["systemctl restart -- consul.service"]);
  expect(machine.read("var/lib/hashistack/pending/consul.service")).toBeUndefined();
  expect(await ask("restart consul.service")).toMatchObject({ status: 3 });
  expect(await ask("pending")).toMatchObject({ stdout: "[]\n" });
  expect(machine.calls()).toEqual([]);
});

test("a unit that was restarted since by somebody else no longer waits", async () => {
  machine.setUnit("consul.service", { InvocationID: "8" });
  expect(await ask("restart consul.service")).toMatchObject({ status: 3 });
  expect(machine.calls()).toEqual([]);
});

test.each([
  "",
  "id",
  "restart",
  "restart ssh.service",
  "restart consul.service nomad.service",
  "restart ../consul.service",
  "log ssh.service",
  "pending now",
  "restart --now",
  "rejoin",
  "rejoin nomad.service",
  "rejoin vault.service now",
])("anything else is refused: %j", async (words) => {
  expect(await ask(words)).toMatchObject({ status: 2, stdout: "" });
  expect(machine.calls()).toEqual([]);
});

test("a service's unit that does not wait is not restarted", async () => {
  expect(await ask("restart nomad.service")).toMatchObject({ status: 3 });
  expect(machine.calls()).toEqual([]);
});

test("a restart that fails says so with the unit's last lines, and is still to be made", async () => {
  machine.answer("journalctl", "agent: no such option\n");
  const failing = "\ndef run(argv, limit):\n  raise Failure('%s ended with status 1' % ' '.join(argv[:2]))\n";
  const ran = await machine.run("program", { words: "restart consul.service" }, "create", {
    source: source + failing,
  });
  expect(ran.stderr).toContain("systemctl restart ended with status 1");
  expect(ran.stderr).toContain("| agent: no such option");
  expect(machine.read("var/lib/hashistack/pending/consul.service")).toBe("7\n");
});

test("a log is what the journal has", async () => {
  machine.answer("journalctl", "agent: started\n");
  expect(await ask("log nomad.service")).toMatchObject({ status: 0, stdout: "agent: started\n\n" });
});

describe("a Vault that takes itself for removed", () => {
  let vault: Server;
  let removed: boolean;
  let port: number;

  beforeEach(async () => {
    removed = true;
    const authority = new Authority(join(machine.root, "ca"), "vault");
    machine.write("etc/ssl/vault/ca.pem", authority.rootPem);
    machine.setUnit("vault.service", { LoadState: "loaded", ActiveState: "active", InvocationID: "7" });
    machine.write("var/lib/vault/raft/raft.db", "removed");
    machine.write("var/lib/vault/vault.db", "secrets");
    vault = createServer(authority.serverPair("localhost"), (_, response) =>
      response.writeHead(530).end(JSON.stringify({ removed_from_cluster: removed })),
    );
    await new Promise<void>((resolve) => vault.listen(0, "localhost", resolve));
    port = (vault.address() as AddressInfo).port;
  });
  afterEach(() => {
    vault.closeAllConnections();
    vault.close();
  });

  const rejoin = () =>
    machine.run("program", { words: "rejoin vault.service" }, "create", {
      source: `${source}\nVAULT_PORT = ${port}\n`,
    });

  test("is started without what it had", async () => {
    expect((await rejoin()).stdout).toContain('{"status": 0}');
    expect(machine.calls()).toEqual(["systemctl stop -- vault.service", "systemctl start -- vault.service"]);
    expect(machine.read("var/lib/vault/raft/raft.db")).toBeUndefined();
    expect(machine.read("var/lib/vault/vault.db")).toBeUndefined();
  });

  test("is left alone where it does not", async () => {
    removed = false;
    expect((await rejoin()).stdout).toContain('{"status": 3}');
    expect(machine.calls()).toEqual([]);
    expect(machine.read("var/lib/vault/vault.db")).toBe("secrets");
  });

  test("is left alone where it does not tell, or another answers in its place", async () => {
    machine.write("etc/ssl/vault/ca.pem", new Authority(join(machine.root, "other"), "vault").rootPem);
    expect((await rejoin()).stderr).toContain("vault.service does not tell of itself: ");
    expect(machine.calls()).toEqual([]);
    expect(machine.read("var/lib/vault/vault.db")).toBe("secrets");
  });
});
