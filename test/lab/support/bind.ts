import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LabError } from "../../../lab/machines/errors";
import { until } from "../../../lab/machines/run";

const nobody = 65534;

/** A key by which records may be changed, as RFC 8945 has it. */
export interface UpdateKey {
  /** Fully qualified. Example: "acme." */
  readonly keyName: string;
  readonly algorithm: string;
  /** Base64. */
  readonly secret: string;
}

/** A key for the algorithm, such as "hmac-sha256.". */
export function updateKey(keyName: string, algorithm: string): UpdateKey {
  return { keyName, algorithm, secret: randomBytes(32).toString("base64") };
}

/** BIND on loopback, with one domain whose records are changed by whoever has a key (RFC 2136). */
export class Bind {
  private said = "";
  private readonly folder = mkdtempSync(join(tmpdir(), "hashistack-bind-"));
  private readonly child: ChildProcess;

  private constructor(
    tree: string,
    private readonly port: number,
    domain: string,
    keys: readonly UpdateKey[],
  ) {
    this.write("named.conf", configuration(port, domain, keys));
    this.write(
      "zone",
      `$TTL 60\n@ SOA ns.${domain}. ops.${domain}. 1 3600 600 86400 60\n@ NS ns.${domain}.\nns A 127.0.0.1\n`,
    );
    chownSync(this.folder, nobody, nobody);
    chmodSync(this.folder, 0o700);
    const script = join(__dirname, "../debian/named.sh");
    this.child = spawn(script, [tree, this.folder], { stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.said = (this.said + text).slice(-20_000);
    });
  }

  /**
   * @param port of the name server, TCP and UDP
   * @param domain that it serves
   * @param keys each may change TXT records at and below _acme-challenge of the domain, and nothing else
   */
  static async start(port: number, domain: string, keys: readonly UpdateKey[]): Promise<Bind> {
    const { debianTree } = await import("../debian/tree.mjs");
    const bind = new Bind(debianTree(), port, domain, keys);
    const resolver = bind.resolver();
    try {
      await until(`BIND on port ${port}`, 20_000, async () => {
        if (bind.child.exitCode !== null) throw new LabError(`BIND ended: ${bind.said.trim()}`);
        return resolver.resolveSoa(domain).then(
          () => true,
          () => false,
        );
      });
    } catch (error) {
      await bind.end();
      throw error;
    }
    return bind;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** What it has said of late. */
  get words(): string {
    return this.said;
  }

  /** The texts at a name. */
  async texts(name: string): Promise<string[]> {
    try {
      return (await this.resolver().resolveTxt(name)).map((parts) => parts.join(""));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOTFOUND" || code === "ENODATA") return [];
      throw error;
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once("close", resolve));
      this.child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private resolver(): Resolver {
    const resolver = new Resolver({ timeout: 1000, tries: 2 });
    resolver.setServers([this.address]);
    return resolver;
  }

  private write(name: string, text: string): void {
    const file = join(this.folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    chownSync(file, nobody, nobody);
  }
}

function configuration(port: number, domain: string, keys: readonly UpdateKey[]): string {
  const named = keys.map(
    ({ keyName, algorithm, secret }) =>
      `key "${keyName}" { algorithm ${algorithm.replace(/\.$/, "")}; secret "${secret}"; };`,
  );
  const grants = keys.map(({ keyName }) => `grant ${keyName} subdomain _acme-challenge.${domain}. TXT;`);
  return `options {
  directory "/mnt";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer { none; };
  pid-file none;
  session-keyfile none;
};
controls { };
${named.join("\n")}
zone "${domain}" { type primary; file "zone"; update-policy { ${grants.join(" ")} }; };
`;
}
