import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Authority, Signer } from "../provisioning/authority";
import { requirePrograms } from "../provisioning/machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const serverName = "support.dev.internal";
const authKey = "0f".repeat(32);
const folder = mkdtempSync(join(tmpdir(), "hashistack-gate-"));
let gate: ChildProcess;
let signer: Signer;
let authority: Authority;
let port: number;
/** The certificate that the signer answers with, from the request. */
let answered: (request: string) => string;

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "::1", resolve));
  const found = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return found;
}

beforeAll(async () => {
  requirePrograms();
  authority = new Authority(join(folder, "ca"), "support");
  const pair = authority.serverPair(serverName);
  writeFileSync(join(folder, "ca.pem"), authority.rootPem);
  writeFileSync(join(folder, "cert.pem"), pair.cert);
  writeFileSync(join(folder, "key.pem"), pair.key);
  signer = await Signer.start(pair, authKey, (request) => ({
    body: { success: true, result: { certificate: answered(request) } },
  }));
  const policies = join(folder, "root/etc/hashistack/signer/policies");
  mkdirSync(policies, { recursive: true });
  const name_whitelist = "^(a\\.node\\.consul|::1|198\\.51\\.100\\.12|fd00:1ab::12)$";
  const policy = { signing: { profiles: { a: { name_whitelist } } } };
  writeFileSync(join(policies, "consul.json"), JSON.stringify(policy));
  port = await freePort();
  const library = join(__dirname, "../../../components/provisioning/machine");
  const begin = `import sys; sys.path.insert(0, ${JSON.stringify(library)}); import host, signer_gate
host.ROOT = ${JSON.stringify(join(folder, "root"))}; signer_gate.main(*sys.argv[1:])`;
  const args = [String(port), new URL(signer.url).port, serverName, folder, join(folder, "key.pem")];
  gate = spawn("python3", ["-E", "-s", "-B", "-c", begin, ...args], { stdio: "ignore" });
  const until = Date.now() + 15_000;
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "::1");
      socket.on("connect", () => resolve(socket.destroy() !== undefined));
      socket.on("error", () => resolve(false));
    });
  while (!(await listens())) {
    if (Date.now() > until) throw new Error("the gate does not listen");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
afterAll(() => {
  gate.kill();
  signer.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  signer.requests.length = 0;
  answered = (request) => authority.sign(request);
});

interface Answer {
  status: number;
  body: { success?: boolean; errors?: { message: string }[]; result?: { certificate: string } };
}

function send(body: string, path = "/api/v1/cfssl/authsign", method = "POST"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "::1", port, path, method, servername: serverName, ca: authority.rootPem };
    const sent = httpsRequest(
      { ...options, headers: { "Content-Length": Buffer.byteLength(body) } },
      (answer) => {
        let text = "";
        answer.on("data", (part) => {
          text += part;
        });
        answer.on("end", () => {
          const json = text.startsWith("{") ? JSON.parse(text) : {};
          resolve({ status: answer.statusCode ?? 0, body: json });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const inner = { certificate_request: "csr", profile: "a", label: "consul" };
const sealed = (request: string) =>
  JSON.stringify({ token: "dG9rZW4=", request: Buffer.from(request).toString("base64") });
const said = (answer: Answer) => `${answer.status} ${answer.body.errors?.[0]?.message}`;

test("a plain request reaches the signer as it is, and its answer comes back", async () => {
  const answer = await send(sealed(JSON.stringify(inner)));
  expect(signer.requests).toEqual([inner]);
  expect(said(answer)).toBe("400 invalid token");
});

test("a request that says more than a machine needs does not reach the signer", async () => {
  const more = "400 the request must have the fields certificate_request, label, profile and no others";
  for (const field of ["NotAfter", "notafter", "not_after", "subject", "hosts", "extensions", "serial"]) {
    expect(said(await send(sealed(JSON.stringify({ ...inner, [field]: "2046-01-01T00:00:00Z" }))))).toBe(
      more,
    );
  }
  expect(
    said(await send(sealed('{"profile":"a","profile":"b","label":"c","certificate_request":"d"}'))),
  ).toBe("400 the request has a field twice");
  expect(said(await send(sealed(JSON.stringify({ ...inner, label: ["consul"] }))))).toBe(more);
  expect(said(await send(sealed("no JSON")))).toBe("400 the request is not JSON");
  expect(said(await send(JSON.stringify({ token: "", request: "%%" })))).toBe(
    "400 the request is not base64",
  );
  expect(said(await send(JSON.stringify({ token: "", request: "", more: "" })))).toContain(
    "the body must have",
  );
  // Answered before it is read, so the answer may be lost with the connection.
  expect(
    await send("x".repeat(70_000)).then(
      (answer) => answer.status,
      () => 413,
    ),
  ).toBe(413);
  expect(signer.requests).toEqual([]);
});

/** A request for these names, sealed with the machine's key. */
function requestFor(names: string, label = "consul"): string {
  const subject = ["-subj", "/CN=a.node.consul", ...(names ? ["-addext", `subjectAltName=${names}`] : [])];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", "/dev/null"];
  const csr = execFileSync("openssl", ["req", "-new", ...key, ...subject], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const request = Buffer.from(JSON.stringify({ certificate_request: csr, profile: "a", label }));
  const token = createHmac("sha256", Buffer.from(authKey, "hex")).update(request).digest("base64");
  return JSON.stringify({ token, request: request.toString("base64") });
}

test("a certificate with the profile's own addresses, or with none, is handed out", async () => {
  for (const names of [
    "",
    "DNS:a.node.consul",
    "DNS:a.node.consul,IP:FD00:01AB::0:12,IP:198.51.100.12,IP:::1",
  ]) {
    const answer = await send(requestFor(names));
    expect([answer.status, answer.body.success]).toEqual([200, true]);
    expect(answer.body.result?.certificate).toContain("BEGIN CERTIFICATE");
  }
});

test("a certificate with another's address stays here, though it was signed", async () => {
  for (const address of ["198.51.100.13", "fd00:1ab::13", "198.51.100.1", "0.0.0.0", "::"]) {
    const answer = await send(requestFor(`DNS:a.node.consul,IP:::1,IP:${address}`));
    expect(said(answer)).toBe(`400 the address ${address} is none of the profile's`);
    expect(answer.body.result).toBeNull();
  }
  expect(signer.requests).toHaveLength(5);
});

test("what counts is the certificate, not the request", async () => {
  const other = JSON.parse(requestFor("IP:198.51.100.13")) as { request: string };
  const { certificate_request } = JSON.parse(Buffer.from(other.request, "base64").toString());
  answered = () => authority.sign(certificate_request);
  expect(said(await send(requestFor("IP:198.51.100.12")))).toContain("198.51.100.13 is none");
  answered = () => "no certificate";
  expect(said(await send(requestFor("IP:198.51.100.12")))).toBe("400 the signer's answer cannot be checked");
  answered = (request) => authority.sign(request);
  expect(said(await send(requestFor("", "nomad")))).toBe("400 the signer's answer cannot be checked");
});

test("nothing else is there", async () => {
  expect((await send("{}", "/api/v1/cfssl/info")).status).toBe(404);
  expect((await send("", "/metrics", "GET")).status).toBe(501);
});

test("a request waits while the signer begins anew", async () => {
  signer.resets = 3;
  expect(said(await send(sealed(JSON.stringify(inner))))).toBe("400 invalid token");
});

test("who does not speak keeps nobody else waiting", async () => {
  const silent = connect(port, "::1");
  await new Promise((resolve) => silent.on("connect", resolve));
  expect((await send(sealed(JSON.stringify(inner)))).status).toBe(400);
  silent.destroy();
});
