import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { afterAll, beforeAll, expect, test } from "vitest";
import { outputsOf, schedulable, siteAnswers } from "../../../bench/ends";
import type { Outputs } from "../../../cli/outputs";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
let server: Server;
let ca: string;
let other: string;
let answers: { path: string; host?: string; token?: string | string[] }[] = [];
let failures = 0;

async function authority(): Promise<{ cert: string; key: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=www.dev.test",
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true),
      new SubjectAlternativeNameExtension([{ type: "dns", value: "www.dev.test" }]),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
  };
}

beforeAll(async () => {
  const { cert, key } = await authority();
  ca = cert;
  other = (await authority()).cert;
  server = createServer({ cert, key }, (request, response) => {
    answers.push({
      path: request.url ?? "",
      host: request.headers.host,
      token: request.headers["x-nomad-token"],
    });
    if (failures-- > 0) response.statusCode = 503;
    const node = { Name: "a", Status: "ready", SchedulingEligibility: "eligible", Drain: false };
    response.end(
      JSON.stringify([
        node,
        { ...node, Name: "b", Status: "initializing" },
        { ...node, Name: "c", SchedulingEligibility: "ineligible" },
        { ...node, Name: "d", Drain: true },
      ]),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
});
afterAll(() => server.close());

function outputs(site = ca): Outputs {
  const { port } = server.address() as AddressInfo;
  return {
    siteUrl: `https://www.dev.test:${port}/`,
    loadBalancers: [{ name: "edge-a", address: "127.0.0.1", privateIpv6: undefined }],
    ca: { site, nomad: ca },
    apis: { nomad: { address: `https://127.0.0.1:${port}`, serverName: "www.dev.test" } },
    nomadToken: "secret",
  } as unknown as Outputs;
}

test("the site answers when each load balancer gives a 200 under the site's name", async () => {
  answers = [];
  failures = 2;
  await siteAnswers(outputs(), new AbortController().signal);
  expect(answers).toHaveLength(3);
  expect(answers[0]?.host).toMatch(/^www\.dev\.test:\d+$/);
});

test("a chain that does not verify is no answer", async () => {
  answers = [];
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);
  await expect(siteAnswers(outputs(other), stop.signal)).rejects.toThrow("interrupted");
  expect(answers).toEqual([]);
});

test("only a client that is ready, eligible and not draining would be given work", async () => {
  answers = [];
  expect(await schedulable(outputs())).toEqual(["a"]);
  expect(answers).toMatchObject([{ path: "/v1/nodes", token: "secret" }]);
});

test("outputs that are not whole say what is missing", () => {
  expect(outputsOf({})).toMatchObject({ why: expect.stringContaining("not wholly up") });
});
