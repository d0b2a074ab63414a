import { randomUUID } from "node:crypto";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { answerTo, newState, type Reply } from "./vault-emulator-api";
import { makeTestCa, type VaultTarget } from "./vault-target";

/** What the emulated Vault does wrong next, before it does right again. */
export type Fault = "disconnect" | { status: number; errors: string[] };

/** A small Vault of the tests' own, for faults that a real one does not have on demand. */
export interface EmulatedVault extends VaultTarget {
  /** Faults for the next requests whose path begins so. */
  fail(pathPrefix: string, faults: Fault[]): void;
  /** "METHOD path" of every request so far. */
  readonly requests: string[];
}

/** Starts it on a loopback port, with TLS by a CA of its own. It forgets everything when it stops. */
export async function startEmulatedVault(): Promise<EmulatedVault> {
  const ca = await makeTestCa("vault.service.consul");
  const rootToken = `hvs.${randomUUID()}`;
  const state = newState(rootToken);
  const requests: string[] = [];
  const faults: { prefix: string; fault: Fault }[] = [];
  const server = createServer({ key: ca.keyPem, cert: ca.certPem }, (request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", async () => {
      const path = decodeURIComponent((request.url ?? "").replace(/^\/v1\//, "").replace(/\?.*$/, ""));
      const method = request.method ?? "";
      requests.push(`${method} ${path}`);
      const next = faults.findIndex(({ prefix }) => path.startsWith(prefix));
      const fault = next < 0 ? undefined : faults.splice(next, 1)[0].fault;
      if (fault === "disconnect") {
        request.socket.destroy();
        return;
      }
      const text = Buffer.concat(parts).toString("utf8");
      const body = text === "" ? {} : JSON.parse(text);
      const token = String(request.headers["x-vault-token"] ?? "");
      const reply: Reply = fault ?? (await answerTo(state, method, path, token, body));
      response.statusCode = reply.status;
      response.setHeader("Content-Type", "application/json");
      const { status: _, ...content } = reply;
      response.end(reply.status === 204 ? undefined : JSON.stringify(content));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caCertFile: ca.caFile,
    tlsServerName: ca.serverName,
    rootToken,
    requests,
    fail: (prefix, some) => faults.push(...some.map((fault) => ({ prefix, fault }))),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      ca.remove();
    },
  };
}
