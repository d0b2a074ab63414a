import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { renderApplyInput } from "../../../components/provisioning/apply";
import type { PlannedProgram } from "../../../components/provisioning/plan";
import { Authority } from "./authority";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const serverName = "support.dev.internal";
const content = "#!/bin/sh\necho a program\n";
const sha256 = createHash("sha256").update(content).digest("hex");
let machine: FolderMachine;
let support: Authority;
let store: Server;
let url: string;

beforeEach(async () => {
  machine = new FolderMachine();
  support = new Authority(join(machine.root, "ca"), "support");
  store = createServer(support.serverPair(serverName), (request, response) => {
    if (request.url === "/consul") response.end(content);
    else response.writeHead(request.url === "/moved" ? 302 : 404, { location: "http://example.org/" }).end();
  });
  await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
  url = `https://127.0.0.1:${(store.address() as AddressInfo).port}`;
});
afterEach(() => {
  store.close();
  machine.end();
});

async function apply(more: Partial<PlannedProgram>, name = serverName): Promise<string> {
  const caFile = "/etc/support-ca.pem";
  const signer = { url, serverName: name, caPem: support.rootPem };
  const program: PlannedProgram = {
    name: "consul",
    version: "1",
    url: `${url}/consul`,
    caFile,
    sha256,
    ...more,
  };
  const ca = {
    path: caFile,
    owner: machine.user,
    group: machine.group,
    mode: "0644",
    content: support.rootPem,
  };
  const fragments = { role: { programs: [program], files: [ca] } };
  const input = renderApplyInput({ machine: "control-a", hostname: "c", signer }, fragments);
  const ran = await machine.run("apply", input);
  return ran.status === 0 ? ran.stdout : ran.stderr.trim();
}

test("a program that the image lacks is fetched once, verified by name and SHA-256", async () => {
  expect(await apply({})).toContain('"program consul 1", "program consul is 1"');
  const file = "opt/hashistack/bin/consul-1";
  expect(machine.read(file)).toBe(content);
  expect(statSync(join(machine.root, file)).mode & 0o777).toBe(0o755);
  expect(machine.read(`${file}.sha256`)).toBe(`${sha256}\n`);
  store.close();
  store.closeAllConnections();
  expect(await apply({})).toBe('{"changed": [], "pending": []}');
});

test("nothing is kept of what is not right, and the sentence says why", async () => {
  const refused = "control-a: apply: phase programs: consul: ";
  expect(await apply({ sha256: "00".repeat(32) })).toBe(
    `${refused}${url}/consul has SHA-256 ${sha256}, planned is ${"00".repeat(32)}`,
  );
  expect(await apply({ url: `${url}/other` })).toBe(`${refused}${url}/other answers 404 Not Found`);
  expect(await apply({ url: `${url}/moved` })).toBe(`${refused}${url}/moved answers 302 Found`);
  expect(await apply({}, "other.dev.internal")).toContain("Hostname mismatch");
  expect(await apply({ url: url.replace("https", "http") })).toContain("is not https");
  expect(await apply({ sha256: undefined })).toContain("the plan has no SHA-256 of it");
  expect(machine.read("opt/hashistack/bin/consul-1")).toBeUndefined();
});
