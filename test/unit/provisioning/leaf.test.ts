import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { PlannedCertificate, PlannedSigner } from "../../../components/provisioning/plan";
import { Authority, Signer, type SignerAnswer } from "./authority";
import { FolderMachine } from "./machine";

const authKey = "0f".repeat(32);
const serverName = "support.dev.internal";
let machine: FolderMachine;
let support: Authority;
let consul: Authority;
let signer: Signer;
let answer: (request: string) => SignerAnswer | Promise<SignerAnswer>;

const folder = mkdtempSync(join(tmpdir(), "hashistack-authorities-"));
let pair: { key: string; cert: string };
beforeAll(() => {
  support = new Authority(join(folder, "support"), "support");
  consul = new Authority(join(folder, "consul"), "consul");
  pair = support.serverPair(serverName);
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(async () => {
  machine = new FolderMachine();
  answer = (request) => ({ body: { success: true, result: { certificate: consul.sign(request) } } });
  signer = await Signer.start(pair, authKey, (request) => answer(request));
});
afterEach(() => {
  signer.stop();
  machine.end();
});

function leaf(more: Partial<PlannedCertificate> = {}): PlannedCertificate {
  return {
    service: "consul",
    profile: "dev-control-a",
    authKey,
    commonName: "dev-control-a.node.consul",
    dnsNames: ["localhost", "dev-control-a.node.consul"],
    ipAddresses: ["127.0.0.1", "fd00:0::1"],
    directory: "/etc/ssl/consul",
    caPem: consul.rootPem,
    issuingPem: consul.issuingPem,
    owner: machine.user,
    group: machine.group,
    notifies: [],
    ...more,
  };
}

// What the timer runs, but through the loader: the reason for each leaf, or why not.
const program = `
import leaf

def create(input):
    return {"reason": leaf.ensure(input["leaf"], input["signer"], within=input.get("within", 0))}
`;

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

async function ensure(
  more: Partial<PlannedCertificate> = {},
  at: Partial<PlannedSigner> = {},
  within?: number,
): Promise<{ reason?: string | null; error: string }> {
  const asked = { url: signer.url, serverName, caPem: support.rootPem, ...at };
  const ran = await machine.run("program", { leaf: leaf(more), signer: asked, within }, "create", {
    source: program,
  });
  return ran.status === 0 ? { ...JSON.parse(ran.stdout), error: ran.stderr } : { error: ran.stderr.trim() };
}

test("the timer's renewal and an apply take their turns: both restart what waits", async () => {
  const source = `
import host, leaf

def create(input):
    lock = host.lock
    host.lock = lambda name, limit: lock(name, 0)
    with lock("apply", 1):
        leaf.renew()
`;
  const ran = await machine.run("program", {}, "create", { source });
  expect(ran.stderr).toContain("another run holds apply");
});

const mode = (name: string) => statSync(join(machine.root, "etc/ssl/consul", name)).mode & 0o777;

test("a leaf is asked for once, and says what was planned", async () => {
  expect(await ensure()).toEqual({ reason: "missing", error: "" });
  expect(signer.requests[0]).toMatchObject({ profile: "dev-control-a", label: "consul" });
  const chain = machine.read("etc/ssl/consul/cert.pem") ?? "";
  expect(chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(chain.endsWith(consul.issuingPem)).toBe(true);
  expect(machine.read("etc/ssl/consul/ca.pem")).toBe(consul.rootPem);
  const shown = execFileSync("openssl", ["x509", "-noout", "-text"], { input: chain, encoding: "utf8" });
  expect(shown).toContain(
    "DNS:localhost, DNS:dev-control-a.node.consul, IP Address:127.0.0.1, IP Address:FD00:0",
  );
  expect(shown).toContain("NIST CURVE: P-256");
  expect([mode("key.pem"), mode("cert.pem")]).toEqual([0o600, 0o644]);
  expect(await ensure()).toEqual({ reason: null, error: "" });
  expect(signer.requests).toHaveLength(1);
});

test("it is asked for anew when names, issuing authority, key or life ask for it", async () => {
  await ensure();
  expect((await ensure({ dnsNames: ["localhost", "dev-control-a.node.consul", "more"] })).reason).toBe(
    "other names",
  );
  const old = consul;
  consul = new Authority(join(folder, "consul-2"), "consul");
  expect((await ensure()).reason).toBe("another issuing authority");
  consul = old;
  await ensure();
  machine.write("etc/ssl/consul/key.pem", "no key");
  expect((await ensure()).reason).toBe("not readable");
  const other = execFileSync("openssl", [
    "genpkey",
    "-algorithm",
    "EC",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
  ]);
  machine.write("etc/ssl/consul/key.pem", other.toString());
  expect((await ensure()).reason).toBe("key and certificate do not match");
  rmSync(join(machine.root, "etc/ssl/consul/key.pem"));
  expect((await ensure()).reason).toBe("missing");
  machine.write("etc/ssl/consul/cert.pem", "");
  const lasting = (from: number, to: number) => async (request: string) => ({
    body: { success: true, result: { certificate: await consul.signFor(request, from, to) } },
  });
  answer = lasting(-20, 9.9);
  expect((await ensure()).reason).toBe("not a certificate and its issuer");
  answer = lasting(-19, 10.9);
  expect((await ensure()).reason).toBe("near its end");
  expect((await ensure()).reason).toBe(null);
});

test("it is asked for anew when it ends within the days that are asked for", async () => {
  answer = async (request) => ({
    body: { success: true, result: { certificate: await consul.signFor(request, -1, 29) } },
  });
  await ensure();
  expect((await ensure({}, {}, 28)).reason).toBe(null);
  expect((await ensure({}, {}, 30)).reason).toBe("near its end");
});

test("a mode that was changed is put right without a new certificate", async () => {
  await ensure();
  chmodSync(join(machine.root, "etc/ssl/consul/key.pem"), 0o644);
  expect((await ensure()).reason).toBe("/etc/ssl/consul/key.pem: its mode is 0644, not 0600");
  expect(mode("key.pem")).toBe(0o600);
  expect(signer.requests).toHaveLength(1);
});

test("a look says why a leaf would be asked for, asks nobody and writes nothing", async () => {
  const looks = program.replace("import leaf", "import host\nimport leaf\nhost.looking = True");
  const look = async () => {
    const asked = { url: signer.url, serverName, caPem: support.rootPem };
    const { stdout } = await machine.run("program", { leaf: leaf(), signer: asked }, "create", {
      source: looks,
    });
    return (JSON.parse(stdout) as { reason: string | null }).reason;
  };
  expect(await look()).toBe("missing");
  expect(machine.read("etc/ssl/consul/key.pem")).toBeUndefined();
  answer = async (request) => ({
    body: { success: true, result: { certificate: await consul.signFor(request, -19, 9.4) } },
  });
  await ensure();
  chmodSync(join(machine.root, "etc/ssl/consul/key.pem"), 0o644);
  const key = machine.read("etc/ssl/consul/key.pem");
  expect(await look()).toBe("near its end");
  expect([machine.read("etc/ssl/consul/key.pem"), mode("key.pem")]).toEqual([key, 0o644]);
  expect(signer.requests).toHaveLength(1);
});

test("a refusal is told in the signer's words, and nothing is left or replaced", async () => {
  await ensure();
  const before = machine.read("etc/ssl/consul/cert.pem");
  const words = await ensure({ authKey: "aa".repeat(32), dnsNames: ["localhost"] });
  expect(words.error).toBe(
    "control-a: program: consul: the signer refused a certificate of consul to profile dev-control-a: invalid token",
  );
  expect(machine.read("etc/ssl/consul/cert.pem")).toBe(before);
  const files = execFileSync("ls", ["-A", join(machine.root, "etc/ssl/consul")], { encoding: "utf8" });
  expect(files.trim().split("\n")).toEqual(["ca.pem", "cert.pem", "key.pem"]);
});

test("a signer of another name, or of another authority, is not asked", async () => {
  expect((await ensure({}, { serverName: "other.dev.internal" })).error).toContain(
    "is not other.dev.internal",
  );
  expect((await ensure({}, { caPem: consul.rootPem })).error).toContain(`is not ${serverName}`);
  expect(signer.requests).toEqual([]);
});

test("a signer that is just restarting is asked again", async () => {
  signer.resets = 2;
  expect(await ensure()).toEqual({ reason: "missing", error: "" });
});

test("an answer that is not what was asked for is refused", async () => {
  answer = (request) => ({ body: { success: true, result: { certificate: support.sign(request) } } });
  expect((await ensure()).error).toContain("does not lead to the service's root");
  let first = "";
  answer = (request) => {
    first ||= consul.sign(request);
    return { body: { success: true, result: { certificate: first } } };
  };
  await ensure({ directory: "/etc/ssl/first" });
  expect((await ensure()).error).toContain("a certificate of another key");
  answer = () => ({ status: 502, body: [] });
  expect((await ensure()).error).toContain("the signer answered with status 502, and not as cfssl does");
});

test("a name that could end its line is refused", async () => {
  expect((await ensure({ dnsNames: ["a\nIP.9 = 10.0.0.1"] })).error).toContain(
    "is no name for a certificate",
  );
});
