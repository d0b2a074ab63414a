import "reflect-metadata";
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Entry } from "../../../bench/drills/ledger";
import { checkout } from "../../../bench/lab";

/** The load's program as it runs in the lab, against servers on this host's loopback. */

const program = join(checkout(), "bench/drills/load/main.mjs");
const name = "www.dev.test";
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
let ca: string;
let port: number;
let servers: Server[];
let asked: { address: string; method: string; url: string; token: unknown; body: string }[] = [];
/** What each address does with its next requests; then it answers well. */
let behaviour: Record<string, (number | "hang up")[]> = {};

/** Nobody listens there. */
const closed = "127.0.0.9";
const [first, second] = ["127.0.0.1", "127.0.0.2"] as const;

beforeAll(async () => {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true),
      new SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
    ],
  });
  ca = certificate.toString("pem");
  const key = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
  const serve = async (address: string, at: number): Promise<Server> => {
    const server = createServer({ cert: ca, key }, (request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      request.on("end", () => {
        const { method = "", url = "", headers } = request;
        asked.push({ address, method, url, token: headers["x-consul-token"], body });
        const next = behaviour[address]?.shift() ?? 200;
        if (next === "hang up") return request.socket.destroy();
        response.statusCode = next;
        response.end(method === "GET" ? "the page" : "true");
      });
    });
    server.listen(at, address);
    await once(server, "listening");
    return server;
  };
  const one = await serve(first, 0);
  port = (one.address() as AddressInfo).port;
  servers = [one, await serve(second, port)];
});
afterAll(() => {
  for (const server of servers) server.close();
});
beforeEach(() => {
  asked = [];
  behaviour = {};
});

/** Runs one load until it has told of so many requests; one alone has ended before the next begins. */
async function told(load: object, count: number): Promise<Entry[]> {
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  const common = { name: "load", perSecond: count > 1 ? 50 : 0.1, port, serverName: name, ca };
  child.stdin.write(`${JSON.stringify({ seconds: 20, loads: [{ ...common, ...load }] })}\n`);
  const entries: Entry[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line) as Entry | { mark: number };
    if ("load" in entry) entries.push(entry);
    if (entries.length >= count) break;
  }
  // Whoever started it is gone: it must end.
  child.stdin.end();
  const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
  expect(code).toBe(0);
  return entries.slice(0, count);
}

const site = { kind: "site", text: "the page", retry: true };

test("a visitor who retries goes on to the next address when one refuses", async () => {
  const entries = await told({ ...site, balancers: [[closed], [first]] }, 6);
  for (const entry of entries) expect(entry).toMatchObject({ ok: true, tries: 1 });
  expect(new Set(asked.map(({ address }) => address))).toEqual(new Set([first]));
});

test("he asks again when the connection died, and the other one first", async () => {
  behaviour = { [first]: ["hang up"] };
  const [entry] = await told({ ...site, balancers: [[first], [second]] }, 1);
  expect(entry).toMatchObject({ ok: true, tries: 2, why: "ECONNRESET" });
  expect(asked.slice(0, 2).map(({ address }) => address)).toEqual([first, second]);
});

test("an answer is an answer: he does not ask again because of a status, nor of another page", async () => {
  behaviour = { [first]: [502] };
  const [entry] = await told({ ...site, balancers: [[first], [second]] }, 1);
  expect(entry).toMatchObject({ ok: false, tries: 1, why: "status 502" });
  const [other] = await told({ ...site, text: "another", balancers: [[first]] }, 1);
  expect(other).toMatchObject({ ok: false, why: "another page" });
});

test("a visitor who does not retry has one connection to one address", async () => {
  behaviour = { [first]: ["hang up"] };
  const entries = await told({ ...site, retry: false, balancers: [[first], [closed]] }, 4);
  expect(entries.every(({ tries }) => tries === 1)).toBe(true);
  expect(entries.filter(({ ok }) => ok)).toHaveLength(1);
  expect(entries.filter(({ why }) => why === "ECONNREFUSED")).toHaveLength(2);
  expect(entries.filter(({ why }) => why === "ECONNRESET")).toHaveLength(1);
});

test("a write is tried again after a failed connection and 5xx, and counts when it is acknowledged", async () => {
  behaviour = { [first]: ["hang up", 500] };
  const load = { kind: "write", service: "consul", token: "t", prefix: "drills/x" };
  const [entry] = await told({ ...load, addresses: [first] }, 1);
  expect(entry).toMatchObject({ ok: true, tries: 3, key: "drills/x-0", why: "status 500" });
  expect(asked.filter(({ url }) => url.endsWith("x-0"))).toEqual(
    Array(3).fill({
      address: first,
      method: "PUT",
      url: "/v1/kv/drills/x-0",
      token: "t",
      body: "value of drills/x-0",
    }),
  );
});

test("Vault's standby that cannot forward sends on to a leader that may be gone: that is not final", async () => {
  behaviour = { [first]: [307] };
  const load = { kind: "write", service: "vault", token: "t", prefix: "drills/x" };
  const [entry] = await told({ ...load, addresses: [first] }, 1);
  expect(entry).toMatchObject({ ok: true, tries: 2, why: "status 307" });
});

test("a refusal is final", async () => {
  behaviour = { [first]: [403] };
  const load = { kind: "write", service: "vault", token: "t", prefix: "drills/x" };
  const [entry] = await told({ ...load, addresses: [first] }, 1);
  expect(entry).toMatchObject({ ok: false, tries: 1, why: "status 403" });
});

test("it ends after its time, though nobody ended it", async () => {
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.write(`${JSON.stringify({ seconds: 0.5, loads: [] })}\n`);
  let marks = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    expect(JSON.parse(line).mark).toBeGreaterThan(Date.now() - 5000);
    marks++;
  }
  expect(marks).toBeGreaterThan(0);
  if (child.exitCode === null) await once(child, "exit");
  expect(child.exitCode).toBe(0);
});
