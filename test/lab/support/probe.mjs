/**
 * Knocks at ports from the network namespace in which it is started. Reads an array of knocks as JSON on standard input,
 * writes the array of what came of them. All at the same time, each with a limit.
 *
 * A knock: { kind: "tcp" | "raw" | "tls" | "http", host, port, … }, as trial.ts declares it.
 */
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";

const LIMIT_MS = 4000;
/** Who does not want to speak hangs up at once; who has not done so by then stays. */
const KEPT_MS = 1500;

/** "open", "silent" or the error's code. */
function tcp({ host, port }) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.setTimeout(LIMIT_MS, () => resolve("silent"));
    socket.on("error", (error) => resolve(error.code));
    socket.on("connect", () => resolve("open"));
  });
}

/** "dropped", "kept", or "answered" and the answer's beginning in base64. */
function raw({ host, port, bytes }) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    setTimeout(() => resolve("kept"), KEPT_MS);
    socket.on("error", () => resolve("dropped"));
    socket.on("close", () => resolve("dropped"));
    socket.on("connect", () => socket.write(Buffer.from(bytes, "base64")));
    socket.on("data", (part) => resolve(`answered ${part.toString("base64")}`));
  });
}

/**
 * A handshake: "accepted", or why not. TLS 1.2, in which a server's refusal of the client's certificate is part of the
 * handshake and not of what comes after it. `first` is a byte before it: what says "TLS" to Consul and Nomad. `next` is
 * what is said after it, in base64: then "kept", "dropped" or "answered", as above.
 */
function handshake({ host, port, first, next, ca, cert, key, serverName, alpn }) {
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
        ...(alpn ? { ALPNProtocols: [alpn] } : {}),
      });
      let shaken = false;
      const ended = (why) => resolve(shaken ? "dropped" : why);
      socket.on("secureConnect", () => {
        if (next === undefined) return resolve("accepted");
        shaken = true;
        socket.write(Buffer.from(next, "base64"));
        setTimeout(() => resolve("kept"), KEPT_MS);
      });
      socket.on("data", (part) => resolve(`answered ${part.toString("base64")}`));
      socket.on("error", (error) => ended(error.code ?? error.message));
      socket.on("close", () => ended("closed"));
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

/** A GET by HTTP/2 and nothing older. */
function request2({ host, port, path = "/", ca, serverName, headers }) {
  return new Promise((resolve) => {
    const session = http2.connect(`https://${headers?.host ?? serverName}`, {
      ca,
      createConnection: () => tls.connect({ host, port, ca, servername: serverName, ALPNProtocols: ["h2"] }),
    });
    const failed = (error) => resolve({ error: error.code ?? error.message });
    session.setTimeout(LIMIT_MS, () => session.destroy(Object.assign(new Error(), { code: "silent" })));
    session.on("error", failed);
    const stream = session.request({ ":path": path });
    let answer;
    let text = "";
    stream.on("response", (got) => {
      answer = got;
    });
    stream.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    stream.on("error", failed);
    stream.on("close", () => session.close(() => resolve({ status: answer?.[":status"], body: text })));
  });
}

const kinds = { tcp, raw, tls: handshake, http: request, http2: request2 };
let text = "";
for await (const part of process.stdin.setEncoding("utf8")) text += part;
const answers = await Promise.all(JSON.parse(text).map((knock) => kinds[knock.kind](knock)));
process.stdout.write(JSON.stringify(answers), () => process.exit());
