/** A release server, a signing key, archives and a go command of the tests' own. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import type { Toolchain } from "../../../lab/toolchain/ensure";
import type { GoModule, Program, Release } from "../../../lab/toolchain/program";

export const SCRIPT = "#!/bin/sh\necho 'Tool v1.2.3'\n";

export function sha256(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** A folder that goes away by `dispose`. */
export function scratch(): { folder: string; dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "toolchain-test-"));
  return { folder, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

export function executable(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

/** A zip with one stored (not compressed) file. */
export function zipOf(name: string, content: string): Buffer {
  const data = Buffer.from(content);
  const file = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt32LE(crc32(data), 10);
  common.writeUInt32LE(data.length, 14);
  common.writeUInt32LE(data.length, 18);
  common.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, file, data]);
  const central = Buffer.concat([
    Buffer.from("PK\x01\x02", "latin1"),
    Buffer.from([20, 0]),
    common,
    Buffer.alloc(14),
    file,
  ]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** A gzipped tar with one file. */
export function tarOf(member: string, content: string): Buffer {
  const { folder, dispose } = scratch();
  try {
    executable(join(folder, "in", member), content);
    execFileSync("tar", ["-czf", join(folder, "out"), "-C", join(folder, "in"), member]);
    return readFileSync(join(folder, "out"));
  } finally {
    dispose();
  }
}

export interface Signer {
  publicKey: string;
  fingerprint: string;
  sign(data: Uint8Array): Promise<Uint8Array>;
}

export async function makeSigner(): Promise<Signer> {
  const { createMessage, generateKey, readKey, readPrivateKey, sign } = await import("openpgp");
  const pair = await generateKey({ type: "ecc", curve: "ed25519Legacy", userIDs: [{ name: "Test" }] });
  const privateKey = await readPrivateKey({ armoredKey: pair.privateKey });
  const publicKey = await readKey({ armoredKey: pair.publicKey });
  return {
    publicKey: pair.publicKey,
    fingerprint: publicKey.getFingerprint().toUpperCase(),
    sign: async (data) =>
      sign({
        message: await createMessage({ binary: data }),
        signingKeys: privateKey,
        detached: true,
        format: "binary",
      }),
  };
}

/** Serves `files` by path below `/`; `status` overrides the answer for every path; counts and names requests. */
export class ReleaseServer {
  readonly files = new Map<string, Uint8Array>();
  readonly requests: string[] = [];
  /** "hang" never answers; "cut" answers and drops the connection in the middle. */
  mode: "serve" | "hang" | "cut" | { status: number } = "serve";
  private server: Server | undefined;

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      const path = (request.url ?? "").slice(1);
      this.requests.push(path);
      if (this.mode === "hang") return;
      if (typeof this.mode === "object") return void response.writeHead(this.mode.status).end();
      const body = this.files.get(path);
      if (!body) return void response.writeHead(404).end("no such file");
      if (this.mode === "cut") {
        response.writeHead(200, { "content-length": body.length + 1000 });
        response.write(body, () => response.destroy());
        return;
      }
      response.writeHead(200).end(body);
    });
    await new Promise<void>((resolve) => this.server?.listen(0, "127.0.0.1", resolve));
  }

  get base(): string {
    if (!this.server) throw new Error("the release server is not started");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }
}

/** Publishes a signed zip release of `tool` 1.2.3 on the server and returns its row. */
export async function publishRelease(server: ReleaseServer, signer: Signer): Promise<Release> {
  const folder = "releases.example.com/tool/1.2.3";
  const zip = zipOf("tool", SCRIPT);
  const sums = Buffer.from(`${"0".repeat(64)}  other.zip\n${sha256(zip)}  tool_1.2.3.zip\n`);
  server.files.set(`${folder}/tool_1.2.3.zip`, zip);
  server.files.set(`${folder}/SHA256SUMS`, sums);
  server.files.set(`${folder}/SHA256SUMS.sig`, await signer.sign(sums));
  return {
    archive: () => `${folder}/tool_1.2.3.zip`,
    format: "zip",
    member: "tool",
    sha256: { amd64: sha256(zip), arm64: sha256(zip) },
    signed: {
      sums: `${folder}/SHA256SUMS`,
      signature: `${folder}/SHA256SUMS.sig`,
      key: signer.publicKey,
      fingerprint: signer.fingerprint,
    },
  };
}

export const MODULE: GoModule = {
  module: "tool",
  origin: "example.com/tool@v1.2.3",
  package: "example.com/tool",
  cgo: false,
  tags: ["small"],
  variables: ["main.version=1.2.3"],
  buildSeconds: 1,
};

/** A toolchain of one program, with a go command that only copies a script and writes down how it was called. */
export function testToolchain(
  folder: string,
  program: Partial<Program>,
): Toolchain & { goCalls: () => string[] } {
  const modulesFolder = join(folder, "modules");
  mkdirSync(join(modulesFolder, "tool"), { recursive: true });
  writeFileSync(join(modulesFolder, "tool", "go.mod"), "module x\n\ngo 1.25.0\n");
  writeFileSync(join(modulesFolder, "tool", "go.sum"), "");
  const log = join(folder, "go.log");
  writeFileSync(log, "");
  writeFileSync(join(folder, "built"), SCRIPT);
  const go = executable(
    join(folder, "tools", "go"),
    `#!/bin/sh
echo "$@" >>'${log}'
case "$1" in
env) echo '{"GOVERSION":"go1.26.0","GOTOOLCHAIN":"local","GOCACHE":"/tmp","GOMODCACHE":"/tmp"}' ;;
list) ;;
build)
  test -n "$FAKE_GO_WAIT" && exec sleep "$FAKE_GO_WAIT"
  test -n "$FAKE_GO_FAILS" && { echo "main.go:1:1: $FAKE_GO_FAILS" >&2; exit 1; }
  while test "$1" != -o; do shift; done
  echo example.com/tool >&2
  cp '${join(folder, "built")}' "$2" ;;
esac
`,
  );
  return {
    manifest: [
      {
        name: "tool",
        version: "1.2.3",
        purpose: "a test",
        question: { args: ["version"], pattern: /Tool v(\S+)/ },
        ...program,
      },
    ],
    root: join(folder, "cache"),
    searchPath: join(folder, "path"),
    ours: [join(folder, "cache")],
    releases: "off",
    builder: { modulesFolder, go, architecture: "amd64" },
    goCalls: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("build")),
  };
}
