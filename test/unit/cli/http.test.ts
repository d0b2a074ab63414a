import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CliError } from "../../../cli/errors";
import { requestJson, servedCertificate } from "../../../cli/http";
import type { Outputs } from "../../../cli/outputs";
import { renderCurlConfig, vaultLogin } from "../../../cli/toolEnv";
import { outputsFixture } from "./outputs.fixture";

const NAME = "active.vault.service.consul";
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hour = 3_600_000;
let server: Server;
let port: number;
let ca: string;
let otherCa: string;
const asked: { url: string; body: string; header: string | undefined }[] = [];

async function selfSigned(cn: string): Promise<{ pem: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: "01",
    name: `CN=${cn}`,
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: cn }]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { pem: certificate.toString("pem"), key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") };
}

beforeAll(async () => {
  x509.cryptoProvider.set(globalThis.crypto);
  const own = await selfSigned(NAME);
  ca = own.pem;
  otherCa = (await selfSigned(NAME)).pem;
  server = createServer({ cert: own.pem, key: own.key }, (request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      const url = request.url ?? "";
      asked.push({ url, body, header: request.headers["x-vault-token"]?.toString() });
      if (url === "/silent") return;
      const answers: Record<string, [number, string]> = {
        "/v1/auth/approle/login": [200, '{"auth":{"client_token":"hvs.short"}}'],
        "/sealed": [503, '{"sealed":true}'],
        "/denied": [403, "ACL not found\n"],
        "/text": [200, "<html>"],
        "/empty": [204, ""],
      };
      const [status, text] = answers[url] ?? [404, ""];
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const call = (path: string, more: object = {}) =>
  requestJson({ url: `https://127.0.0.1:${port}${path}`, serverName: NAME, ca, what: "looking", ...more });

describe("requestJson", () => {
  it("verifies the name that it is given, not the address", async () => {
    await expect(call("/empty")).resolves.toBeNull();
    await expect(call("/empty", { serverName: "server.dc1.consul" })).rejects.toThrow(
      /^looking: .*does not match certificate's altnames/,
    );
  });
  it("trusts only the CA that it is given", async () => {
    await expect(call("/empty", { ca: otherCa })).rejects.toThrow(/^looking: /);
  });
  it("says the server's own words", async () => {
    await expect(call("/denied")).rejects.toThrow(`looking: 127.0.0.1:${port} answered 403: ACL not found`);
    await expect(call("/text")).rejects.toThrow(/something that is no JSON/);
  });
  it("takes a status for an answer where it is one", async () => {
    await expect(call("/sealed", { accept: [503] })).resolves.toEqual({ sealed: true });
    await expect(call("/sealed")).rejects.toThrow(/answered 503/);
  });
  it("waits no longer than its limit", async () => {
    await expect(call("/silent", { timeoutSeconds: 0.2 })).rejects.toThrow("looking: no answer within 0.2 s");
  });
  it("says that nobody listens", async () => {
    await expect(call("", { url: "https://127.0.0.1:1/" })).rejects.toThrow(/ECONNREFUSED/);
  });
  it("says it to the user, who is shown no stack trace", async () => {
    await expect(call("/denied")).rejects.toBeInstanceOf(CliError);
  });
});

describe("servedCertificate", () => {
  const target = () => ({ host: "127.0.0.1", port, serverName: NAME, ca, what: "certificate of vault" });
  it("reads the leaf's life", async () => {
    const leaf = await servedCertificate(target());
    expect(leaf.notAfter - leaf.notBefore).toBe(2 * hour);
    expect(leaf.subject).toBe(NAME);
  });
  it("refuses another name, and another CA", async () => {
    await expect(servedCertificate({ ...target(), serverName: "x.y" })).rejects.toThrow(
      /^certificate of vault: /,
    );
    await expect(servedCertificate({ ...target(), ca: otherCa })).rejects.toThrow(/^certificate of vault: /);
  });
});

describe("vaultLogin", () => {
  const outputs = (): Outputs => {
    const fixture = outputsFixture();
    fixture.apis.vault = { address: `https://127.0.0.1:${port}`, serverName: NAME };
    fixture.ca.vault = ca;
    return fixture;
  };
  it.each(["approle", "auth/approle/login", "auth/approle"])(
    "logs in where the role is: %s",
    async (path) => {
      const given = outputs();
      given.vaultLogin.path = path;
      await expect(vaultLogin(given)).resolves.toBe("hvs.short");
      expect(asked.at(-1)).toMatchObject({
        url: "/v1/auth/approle/login",
        body: '{"role_id":"role","secret_id":"secret"}',
      });
    },
  );
  it("says what went wrong", async () => {
    const given = outputs();
    given.vaultLogin.path = "elsewhere";
    await expect(vaultLogin(given)).rejects.toThrow(/^logging in to Vault: .* answered 404/);
  });
});

describe("renderCurlConfig", () => {
  it("leads each name to its pass-through", () => {
    expect(renderCurlConfig(outputsFixture())).toBe(
      [
        'connect-to = "server.dc1.consul:8501:127.77.0.2:8501"',
        'connect-to = "server.global.nomad:4646:127.77.0.2:4646"',
        'connect-to = "active.vault.service.consul:8200:127.77.0.2:8200"',
        "",
      ].join("\n"),
    );
  });
});
