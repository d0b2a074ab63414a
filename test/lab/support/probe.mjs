/**
 * Knocks at ports from the network namespace in which it is started. Reads an array of knocks as JSON on standard input,
 * writes the array of what came of them. All at the same time, each with a limit.
 *
 * A knock: { kind: "tcp" | "tls" | "http", host, port, … }, as trial.ts declares it.
 */
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";

const LIMIT_MS = 4000;

/** "open", "silent" or the error's code. */
function tcp({ host, port }) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.setTimeout(LIMIT_MS, () => resolve("silent"));
    socket.on("error", (error) => resolve(error.code));
    socket.on("connect", () => resolve("open"));
  });
}

/**
 * A handshake: "accepted", or why not. TLS 1.2, in which a server's refusal of the client's certificate is part of the
 * handshake and not of what comes after it. `first` is a byte before it: what says "TLS" to Consul and Nomad.
 */
function handshake({ host, port, first, ca, cert, key, serverName }) {
  return new Promise((resolve) => {
    const raw = net.connect({ host, port });
    raw.setTimeout(LIMIT_MS, () => resolve("silent"));
    raw.on("error", (error) => resolve(error.code));
    raw.on("connect", () => {
      if (first !== undefined) raw.write(Buffer.from([first]));
      const socket = tls.connect({
        socket: raw,
        ca,
        cert,
        key,
        servername: serverName,
        maxVersion: "TLSv1.2",
      });
      socket.on("secureConnect", () => resolve("accepted"));
      socket.on("error", (error) => resolve(error.code ?? error.message));
      socket.on("close", () => resolve("closed"));
    });
  });
}

/** One request: {status, headers, body}, or {error}. */
function request({
  scheme = "https",
  host,
  port,
  path = "/",
  method = "GET",
  headers,
  body,
  ca,
  serverName,
}) {
  return new Promise((resolve) => {
    const client = scheme === "http" ? http : https;
    const options = { host, port, path, method, headers, ca, agent: false, timeout: LIMIT_MS };
    const outgoing = client.request(
      { ...options, ...(serverName ? { servername: serverName } : {}) },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => (text += part));
        answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: text }));
        answer.on("error", (error) => resolve({ error: error.code ?? error.message }));
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(Object.assign(new Error(), { code: "silent" })));
    outgoing.on("error", (error) => resolve({ error: error.code ?? error.message }));
    outgoing.end(body);
  });
}

const kinds = { tcp, tls: handshake, http: request };
let text = "";
for await (const part of process.stdin.setEncoding("utf8")) text += part;
const answers = await Promise.all(JSON.parse(text).map((knock) => kinds[knock.kind](knock)));
process.stdout.write(JSON.stringify(answers), () => process.exit());
