import { execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { it } from "vitest";
import { vaultContract } from "../unit/plugins/vault-suite";
import { admin, makeTestCa, type VaultTarget } from "../unit/plugins/vault-target";

/** The contract of the plugin `vault` on a real Vault server: in memory, TLS, on loopback. */

const startWithinMs = 30_000;

/** HASHISTACK_VAULT, or the toolchain's, or the one on PATH. */
function vaultProgram(): string | undefined {
  const cached = join(homedir(), ".cache/hashistack/toolchain/vault/1.21.1");
  const folder = process.arch === "arm64" ? "linux_arm64" : "linux_amd64";
  const candidates = [process.env.HASHISTACK_VAULT, join(cached, folder, "vault")];
  const found = candidates.find((one) => one !== undefined && existsSync(one));
  if (found !== undefined) return found;
  try {
    return execFileSync("which", ["vault"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

async function startVault(program: string): Promise<VaultTarget> {
  const ca = await makeTestCa("vault.service.consul");
  const port = await freePort();
  const [cert, key, config] = ["cert.pem", "key.pem", "vault.json"].map((name) => join(ca.folder, name));
  writeFileSync(cert, ca.certPem);
  writeFileSync(key, ca.keyPem, { mode: 0o600 });
  const tcp = { address: `127.0.0.1:${port}`, tls_cert_file: cert, tls_key_file: key };
  const settings = { storage: { inmem: {} }, listener: { tcp }, disable_mlock: true };
  writeFileSync(config, JSON.stringify({ ...settings, api_addr: `https://127.0.0.1:${port}` }));
  const server = spawn(program, ["server", `-config=${config}`], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [server.stdout, server.stderr]) stream.on("data", (data) => (output += data));
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const stop = async () => {
    server.kill("SIGTERM");
    const killed = setTimeout(() => server.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(killed);
    ca.remove();
  };
  try {
    await listening(port, () => server.exitCode !== null);
    const target = {
      address: `https://127.0.0.1:${port}`,
      caCertFile: ca.caFile,
      tlsServerName: ca.serverName,
    };
    const rootToken = await initialise({ ...target, rootToken: "", stop });
    return { ...target, rootToken, stop };
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}; Vault said: ${output.slice(-2000)}`);
  }
}

async function initialise(target: VaultTarget): Promise<string> {
  const { raw } = admin(target);
  const made = await raw("PUT", "sys/init", { secret_shares: 1, secret_threshold: 1 });
  const { keys, root_token: rootToken } = JSON.parse(made.body) as { keys: string[]; root_token: string };
  await raw("PUT", "sys/unseal", { key: keys[0] });
  const until = Date.now() + startWithinMs;
  while ((await raw("GET", "sys/health")).status !== 200) {
    if (Date.now() > until) throw new Error("Vault did not become active");
    await sleep(50);
  }
  return rootToken;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number, ended: () => boolean): Promise<void> {
  const until = Date.now() + startWithinMs;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connectTcp(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return;
    if (ended() || Date.now() > until) throw new Error(`Vault does not listen on port ${port}`);
    await sleep(50);
  }
}

const program = vaultProgram();
if (program === undefined) {
  it("needs a vault program: npm run toolchain, or HASHISTACK_VAULT", () => {
    throw new Error("no vault program was found");
  });
} else {
  vaultContract("a real server", () => startVault(program));
}
