/** Forwards on loopback to the web pages of Nomad, Consul and Vault, through SSH to support. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, connect as netConnect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { CliError } from "./errors";
import type { Outputs } from "./outputs";
import type { SshFiles } from "./ssh";
import type { CaFiles } from "./toolEnv";

/** A page and the port on support where its pass-through listens. */
export interface Page {
  readonly name: "Nomad" | "Consul" | "Vault";
  readonly remotePort: number;
  readonly localPort: number;
  /** Example: "https://localhost:4646/ui/". */
  readonly url: string;
}

const CONNECT_SECONDS = 20;

/** A port of this host that is free now: the wanted one, or any. */
async function freePort(wanted: number): Promise<number> {
  const listen = async (port: number): Promise<number> => {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    server.close();
    await once(server, "close");
    return typeof address === "object" && address ? address.port : port;
  };
  try {
    return await listen(wanted);
  } catch {
    return listen(0);
  }
}

/** The pages with the ports that they get here: their own where these are free. */
export async function choosePages(outputs: Outputs): Promise<Page[]> {
  const wanted = [
    { name: "Nomad", address: outputs.apis.nomad.address, path: "/ui/" },
    { name: "Consul", address: outputs.apis.consul.address, path: "/ui/" },
    { name: "Vault", address: outputs.apis.vault.address, path: "/ui/" },
  ] as const;
  const pages: Page[] = [];
  for (const { name, address, path } of wanted) {
    const remotePort = Number(new URL(address).port || 443);
    const localPort = await freePort(remotePort);
    pages.push({ name, remotePort, localPort, url: `https://localhost:${localPort}${path}` });
  }
  return pages;
}

/** Arguments of `ssh` for the forwards. */
export function forwardArguments(pages: readonly Page[], files: SshFiles, support: string): string[] {
  return [
    ...["-F", files.config, "-N", "-T", "-o", "ExitOnForwardFailure=yes"],
    ...pages.flatMap(({ localPort, remotePort }) => ["-L", `127.0.0.1:${localPort}:localhost:${remotePort}`]),
    support,
  ];
}

/** What the user is told. */
export function uiText(pages: readonly Page[], files: CaFiles, stackFlag: string): string {
  const url = (name: string): string => pages.find((page) => page.name === name)?.url ?? "";
  return [
    `  Nomad   ${url("Nomad")}   log in with the secret of: npx hashistack exec${stackFlag} -- sh -c 'echo "$NOMAD_TOKEN"'`,
    `  Consul  ${url("Consul")}   log in with the token of:  npx hashistack exec${stackFlag} -- sh -c 'echo "$CONSUL_HTTP_TOKEN"'`,
    `  Vault   ${url("Vault")}   log in with the token of:  npx hashistack exec${stackFlag} -- sh -c 'echo "$VAULT_TOKEN"' (short-lived)`,
    "          (a Vault that was built from its Go module has no pages; its API answers there all the same)",
    "",
    "Each service has a CA of its own, which a browser does not know: accept its warning for localhost, or import the",
    `CA files into the browser's authorities for as long as you need them: ${files.nomad}, ${files.consul}, ${files.vault}`,
    "",
    "Press Ctrl-C to end.",
  ].join("\n");
}

/**
 * Runs the forwards until they end or `stop` is aborted. Calls `ready` when every page's port takes connections.
 * @throws CliError when ssh cannot connect or a port is taken.
 */
export async function forward(
  pages: readonly Page[],
  files: SshFiles,
  support: string,
  stop: AbortSignal,
  ready: () => void,
): Promise<void> {
  // A process group of its own: Ctrl-C in the terminal ends it through us alone.
  const child = spawn("ssh", forwardArguments(pages, files, support), {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4096);
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code) => resolve(said.trim().split("\n").at(-1) || `ssh ended with ${code}`));
  });
  const end = (): void => void child.kill("SIGTERM");
  stop.addEventListener("abort", end);
  const dead = new AbortController();
  const over = ended.then((why) => {
    dead.abort();
    return why;
  });
  try {
    const up = await everyPortAnswers(pages, AbortSignal.any([dead.signal, stop]));
    if (up) ready();
    else if (!stop.aborted) end();
    const why = await over;
    if (!stop.aborted) throw new CliError(`the forwards to ${support} ended: ${why}`, 1);
  } finally {
    stop.removeEventListener("abort", end);
    if (child.exitCode === null) end();
  }
}

async function everyPortAnswers(pages: readonly Page[], signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + CONNECT_SECONDS * 1000;
  for (const { localPort } of pages) {
    while (!(await answers(localPort))) {
      if (signal.aborted || Date.now() > deadline) return false;
      await delay(50, undefined, { signal }).catch(() => {});
    }
  }
  return !signal.aborted;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = netConnect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
