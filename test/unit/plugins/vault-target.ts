import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequest, selfSign, signRequest } from "../../../lab/plugins/tls/certificates";
import { describePrivateKey, generatePrivateKey } from "../../../lab/plugins/tls/keys";
import { connect } from "../../../lab/plugins/vault/https";

/** A Vault that the contract is tried on: the tests' own small one, or a real server. */
export interface VaultTarget {
  readonly address: string;
  readonly caCertFile: string;
  /** The only name that the certificate is for. */
  readonly tlsServerName: string;
  readonly rootToken: string;
  stop(): Promise<void>;
}

/** A CA of the tests' own, with one server certificate, in a folder that goes away again. */
export interface TestCa {
  readonly folder: string;
  readonly caFile: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly serverName: string;
  remove(): void;
}

export async function makeTestCa(serverName: string): Promise<TestCa> {
  const newKey = async () => describePrivateKey(await generatePrivateKey("ECDSA", "P256", 0)).privateKeyPem;
  const [caKey, keyPem] = [await newKey(), await newKey()];
  const terms = { validityPeriodHours: 1, setSubjectKeyId: true };
  const ca = await selfSign(
    caKey,
    { subject: { commonName: "Test CA" } },
    { ...terms, allowedUses: ["cert_signing"], isCaCertificate: true },
    new Date(),
  );
  const names = { subject: { commonName: "test" }, dnsNames: [serverName, "localhost"] };
  const { certRequestPem } = await createRequest(keyPem, names);
  const uses = ["digital_signature", "server_auth"];
  const leafTerms = { ...terms, allowedUses: uses, isCaCertificate: false };
  const leaf = await signRequest(certRequestPem, ca.certPem, caKey, leafTerms, new Date());
  const folder = mkdtempSync(join(tmpdir(), "vault-contract-"));
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, ca.certPem);
  return {
    folder,
    caFile,
    caPem: ca.certPem,
    certPem: leaf.certPem,
    keyPem,
    serverName,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Serves an empty key set over HTTPS, as Nomad serves its own. */
export async function serveKeySet(ca: TestCa): Promise<{ url: string; caPem: string; server: Server }> {
  const server = createServer({ key: ca.keyPem, cert: ca.certPem }, (_request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ keys: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return { url: `https://localhost:${port}/.well-known/jwks.json`, caPem: ca.caPem, server };
}

export interface AdminAnswer {
  readonly status: number;
  readonly data: Record<string, unknown> | undefined;
}

/** Asks Vault directly, with the root token: what a test looks at must not come from the plugin. */
export function admin(target: VaultTarget) {
  const send = connect(target);
  const raw = (method: string, path: string, body?: unknown) =>
    send(method, `/v1/${path}`, {
      headers: { "X-Vault-Token": target.rootToken },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
  const ask = async (method: string, path: string, body?: unknown): Promise<AdminAnswer> => {
    const { status, body: text } = await raw(method, path, body);
    return { status, data: text === "" ? undefined : JSON.parse(text).data };
  };
  return { ask, raw };
}
