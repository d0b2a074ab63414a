import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";
import { Authority } from "../provisioning/authority";

/** The programs that support runs, and small services over HTTPS for them to speak with. */

export const serverName = "server.test";

export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly token: string | undefined;
  readonly host: string | undefined;
  readonly body: unknown;
}

/** What a service answers: [status, body], or "hang up" after the request was read. */
export type Answer = readonly [status: number, body?: unknown] | "hang up";
export type Handler = (asked: Asked) => Answer;

export interface Access {
  addresses: string[];
  caPem: string;
  serverName: string;
  token?: string;
}

/** One authority and its certificates for all tests of a file: making them takes longer than most tests. */
const made = mkdtempSync(join(tmpdir(), "hashistack-bootstrap-ca-"));
afterAll(() => rmSync(made, { recursive: true }));
const authority = new Authority(made, "test");
const pairs = new Map<string, ReturnType<Authority["serverPair"]>>();

function pairFor(name: string): ReturnType<Authority["serverPair"]> {
  const pair = pairs.get(name) ?? authority.serverPair(name);
  pairs.set(name, pair);
  return pair;
}

/** A place for files, an authority, and services that end with the test. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "hashistack-bootstrap-"));
  readonly authority = authority;
  private readonly servers: Server[] = [];

  /** A service; every request is kept in `asked`. */
  async service(handler: Handler, name = serverName): Promise<{ address: string; asked: Asked[] }> {
    const asked: Asked[] = [];
    const server = createServer(pairFor(name), (request, response) => {
      let text = "";
      request.setEncoding("utf8");
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        const header = ["x-consul-token", "x-nomad-token", "x-vault-token"].find((n) => request.headers[n]);
        const one: Asked = {
          method: request.method ?? "",
          path: request.url ?? "",
          token: header ? String(request.headers[header]) : undefined,
          host: request.headers.host,
          body: text === "" ? undefined : JSON.parse(text),
        };
        asked.push(one);
        const answer = handler(one);
        if (answer === "hang up") {
          request.socket.destroy();
          return;
        }
        const [status, body] = answer;
        response
          .writeHead(status)
          .end(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body));
      });
    });
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  }

  access(addresses: string[], token?: string): Access {
    return { addresses, caPem: this.authority.rootPem, serverName, ...(token ? { token } : {}) };
  }

  end(): void {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true });
  }
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  verb?: string;
  /** Texts in place of the library's modules, by name. */
  modules?: Record<string, string>;
  timeoutSeconds?: number;
}

const all = ["cluster_api", "consul_bootstrap", "detached"];

/** Runs a program of components/bootstrap/machine as support does. */
export async function run(program: string, input: object, options: RunOptions = {}): Promise<Ran> {
  const names = [...new Set([...all, program])];
  const modules = Object.fromEntries(names.map((n) => [n, readAsset(`bootstrap/machine/${n}.py`)]));
  const bundle = {
    loader: readAsset("provisioning/machine/loader.py"),
    machine: "support-a",
    program,
    modules: { ...modules, ...options.modules },
    timeoutSeconds: options.timeoutSeconds ?? 15,
    input,
  };
  const entry = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['loader'])";
  return runPython(["-I", "-c", entry, options.verb ?? "create"], JSON.stringify(bundle));
}

/** The system's own where it is, as on the machines: a version manager's stand-in takes longer than the program. */
const python = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

export function runPython(args: string[], stdin = ""): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, { stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.on("error", () => undefined);
    child.stdin.end(stdin);
  });
}

/** In place of detached.py: the unit's work is done at once, in the same process; what was started is told on stderr. */
export const atOnce = `
import sys
def start(unit, verb, given, seconds):
    print("started", unit, verb, file=sys.stderr)
    import importlib, __main__
    program = importlib.import_module(__main__.bundle["program"])
    if verb not in ("farewell",):
        getattr(program, verb)(given)
def running(unit):
    return False
def journal(unit, lines=30):
    return "journal of " + unit
`;
