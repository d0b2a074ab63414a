import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";

/**
 * Debian's mirrors for machines of a lab, which reach nothing outside the lab: a proxy on this host that asks no other
 * place, and a listener for it in the lab's namespace `outside`.
 */

const mirrors = ["deb.debian.org", "security.debian.org"];
const port = 3128;
/** The admin's address in `outside`: what machines reach. */
const address = "192.0.2.10";

function answer(asked: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, words: string): void => {
    response.writeHead(status, { "Content-Type": "text/plain" });
    response.end(`${words}\n`);
  };
  let url: URL;
  try {
    url = new URL(asked.url ?? "");
  } catch {
    refuse(400, "A proxy is asked for whole addresses.");
    return;
  }
  if (asked.method !== "GET" || url.protocol !== "http:" || !mirrors.includes(url.hostname)) {
    refuse(403, `Only ${mirrors.join(" and ")} are asked.`);
    return;
  }
  const headers = { ...asked.headers, host: url.host };
  const onward = request(url, { headers, timeout: 60_000 }, (found) => {
    response.writeHead(found.statusCode ?? 502, found.headers);
    found.pipe(response);
  });
  onward.on("timeout", () => onward.destroy(new Error("the mirror is silent")));
  onward.on("error", (error) => {
    if (response.headersSent) response.destroy(error);
    else refuse(502, error.message);
  });
  onward.end();
}

export interface DebianProxy {
  /** For apt in a machine. */
  readonly url: string;
  /** How many requests it has answered. */
  asked(): number;
  close(): Promise<void>;
}

/**
 * Starts it.
 * @param folder where its socket may lie
 * @param inOutside the lab's namespace: its path in the file system
 */
export async function openDebianProxy(folder: string, inOutside: string): Promise<DebianProxy> {
  const socket = join(folder, "debian.sock");
  let count = 0;
  const server = createServer((asked, response) => {
    count++;
    answer(asked, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });
  const listener: ChildProcess = spawn(
    "nsenter",
    [
      `--net=${inOutside}`,
      "systemd-socket-activate",
      `--listen=${address}:${port}`,
      "/lib/systemd/systemd-socket-proxyd",
      socket,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error("The proxy's listener did not begin within 10 s.")),
      10_000,
    );
    listener.once("exit", (code) => reject(new Error(`The proxy's listener ended with ${code}.`)));
    // It says so on standard error.
    listener.stderr?.once("data", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return {
    url: `http://${address}:${port}`,
    asked: () => count,
    close: async () => {
      const ended = new Promise((resolve) => listener.once("close", resolve));
      listener.kill("SIGTERM");
      await ended;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
