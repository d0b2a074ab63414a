import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { runAny } from "../../../bench/run";
import type { KeyPair } from "../../../lab/acme/certificate";
import { Pebble, type PebbleOptions } from "../../../lab/acme/pebble";
import { type Answer, type Asked, Stage } from "../../unit/bootstrap/programs";
import { programFile } from "./acme";

/**
 * The program that gets public certificates, as its task runs it. Vault alone is the test's own: what a role may do there is
 * tried on a cluster.
 */

export type Secret = Record<string, string>;

/** What the certificates are for. */
export const domains = ["example.test", "*.example.test"];

/** Where the program finds things in Vault. */
export const paths = {
  certificate: "certificates/ingress/ingress/site",
  account: "secret/data/ingress/acme/account",
  dns: "secret/data/ingress/acme/dns",
  run: "secret/data/ingress/acme/run",
  force: "secret/data/ingress/acme/force",
};

/** A KV store of version 1 and one of version 2, for whoever has the token. */
class FakeVault {
  readonly held = new Map<string, Secret>();
  refuses: string | undefined;

  readonly answer = ({ method, path, token: shown, body }: Asked): Answer => {
    const at = path.replace(/^\/v1\//, "");
    if (shown !== "task-token" || at === this.refuses) return [403, { errors: ["permission denied"] }];
    const versioned = at.includes("/data/");
    if (method === "PUT") {
      this.held.set(at, (versioned ? (body as { data: Secret }).data : body) as Secret);
      return [204];
    }
    const found = this.held.get(at);
    if (!found) return [404, { errors: [] }];
    return [200, { data: versioned ? { data: found, metadata: {} } : found }];
  };
}

export class AcmeTask {
  readonly vault = new FakeVault();
  private readonly stage = new Stage();
  private readonly folder = mkdtempSync(join(tmpdir(), "hashistack-acme-"));
  /** Of servers on this host. */
  readonly pair: KeyPair = this.stage.authority.serverPair("localhost");

  private readonly caFile = join(this.folder, "ca.pem");
  private readonly tokenFile = join(this.folder, "token");
  private vaultAddress = "";

  private constructor(
    private readonly program: string,
    private readonly pebbleFile: string,
  ) {}

  static async start(): Promise<AcmeTask> {
    const task = new AcmeTask(await programFile("hashistack-acme"), await programFile("pebble"));
    const { address } = await task.stage.service(task.vault.answer, "localhost");
    task.vaultAddress = `https://${address.replace("127.0.0.1", "localhost")}`;
    writeFileSync(task.caFile, task.caPem);
    writeFileSync(task.tokenFile, "task-token\n");
    return task;
  }

  end(): void {
    this.stage.end();
    rmSync(this.folder, { recursive: true });
  }

  /** Vault as it is when nothing was got yet. */
  forget(): void {
    this.vault.held.clear();
    this.vault.refuses = undefined;
  }

  /** The root of all servers on this host, PEM. */
  get caPem(): string {
    return this.stage.authority.rootPem;
  }

  /** An ACME server. */
  pebble(port: number, names: string, more: Pick<PebbleOptions, "badNonces"> = {}): Promise<Pebble> {
    const { folder, pair, caPem } = this;
    return Pebble.start({ program: this.pebbleFile, folder, pair, caPem, port, names, ...more });
  }

  /** A run of the task, by settings that say at least which directory, provider and resolvers. */
  async run(settings: { directory: string; provider: string; resolvers: readonly string[] } & object) {
    const file = join(this.folder, "acme.json");
    const usual = { domains, email: "ops@example.test", keyType: "ec256", renewDays: 30, api: "" };
    const { vaultAddress: address, caFile } = this;
    writeFileSync(file, JSON.stringify({ vault: { address, caFile }, ...usual, caFile, paths, ...settings }));
    const credential = this.vault.held.get(paths.dns);
    // A task's environment has nothing of the user's.
    const ran = await runAny([this.program, file, this.tokenFile], { what: "the task", env: {} });
    const said = ran.stdout + ran.stderr;
    for (const secret of [credential?.token, credential?.secret]) {
      if (secret) expect(said).not.toContain(secret);
    }
    expect(said).not.toContain("PRIVATE KEY");
    return ran;
  }

  /** What the ingress reads. */
  get shown(): Secret {
    return this.vault.held.get(paths.certificate) ?? {};
  }

  /** The certificate that the ingress reads. */
  get leaf(): X509Certificate {
    return new X509Certificate(this.shown.cert ?? "");
  }

  /** For which names it is, in order. */
  get names(): string[] {
    return (this.leaf.subjectAltName ?? "")
      .split(", ")
      .map((name) => name.replace("DNS:", ""))
      .sort();
  }

  /** What came of the last run. */
  get last(): Secret {
    return this.vault.held.get(paths.run) ?? {};
  }

  /** Puts a certificate where the ingress reads it, whose life began and ends in days from now. */
  async put(from: number, to: number, directory: string): Promise<string> {
    const key = join(this.folder, "own.key");
    const names = ["-subj", "/CN=www", "-addext", `subjectAltName=${domains.map((n) => `DNS:${n}`).join()}`];
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", key];
    const request = execFileSync("openssl", ["req", "-new", ...ec, ...names], { encoding: "utf8" });
    const cert = await this.stage.authority.signFor(request, from, to);
    this.vault.held.set(paths.certificate, {
      ...{ cert, key: "kept" },
      ...(directory ? { directory, at: new Date(Date.now() + from * 86_400_000).toISOString() } : {}),
    });
    return cert;
  }
}
