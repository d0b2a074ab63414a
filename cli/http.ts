/** HTTPS to the cluster's APIs: the CA is pinned, the name in the certificate is given, every call has a limit. */
import { request } from "node:https";
import { checkServerIdentity, type DetailedPeerCertificate, connect as tlsConnect } from "node:tls";
import { CliError } from "./errors";

export interface Call {
  /** Example: "https://127.77.0.2:8501/v1/status/leader". */
  url: string;
  /** The name to verify in the certificate, whatever the address is. */
  serverName: string;
  /** Root certificate, PEM. */
  ca: string;
  method?: "GET" | "POST" | "PUT" | "DELETE";
  headers?: Readonly<Record<string, string>>;
  body?: unknown;
  /** First words of an error. Example: "logging in to Vault". */
  what: string;
  /** Default 10. */
  timeoutSeconds?: number;
  /** Status codes whose body is an answer too. Example: [429, 503] of Vault's health. */
  accept?: readonly number[];
  /** Whether the body is taken as it is. Default: it is JSON. */
  text?: boolean;
}

const MAX_BODY = 32 * 1024 * 1024;

/** The body of an answer as JSON (null when empty). Rejects with one sentence: what, why. */
export function requestJson(call: Call): Promise<unknown> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new CliError(`${call.what}: ${why}`));
    const outgoing = request(
      call.url,
      {
        method: call.method ?? "GET",
        ca: call.ca,
        servername: call.serverName,
        agent: false,
        headers: {
          ...call.headers,
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
        signal: AbortSignal.timeout((call.timeoutSeconds ?? 10) * 1000),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > MAX_BODY) outgoing.destroy(new Error("the answer is larger than 32 MiB"));
        });
        response.on("end", () => {
          const status = response.statusCode ?? 0;
          if ((status < 200 || status > 299) && !call.accept?.includes(status)) {
            fail(
              `${new URL(call.url).host} answered ${status}${text ? `: ${text.trim().slice(0, 300)}` : ""}`,
            );
            return;
          }
          if (call.text) {
            resolve(text);
            return;
          }
          try {
            resolve(text.trim() === "" ? null : JSON.parse(text));
          } catch {
            fail(`${new URL(call.url).host} answered something that is no JSON`);
          }
        });
        response.on("error", (error) => fail(error.message));
      },
    );
    outgoing.on("error", (error) => fail(explain(error, call.timeoutSeconds ?? 10)));
    outgoing.end(body);
  });
}

function explain(error: NodeJS.ErrnoException, timeoutSeconds: number): string {
  if (error.name === "TimeoutError" || error.code === "ABORT_ERR")
    return `no answer within ${timeoutSeconds} s`;
  // What a forward shows when nothing answers behind it.
  if (error.code === "ECONNRESET") return "the connection was closed before TLS began: nothing answers there";
  return error.message || error.code || "the connection failed";
}

/** What a server shows of its certificate in a verified handshake. */
export interface ServedCertificate {
  /** Milliseconds since the Unix epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subject: string;
}

/** Connects, verifies chain and name, and reads the leaf's life. Rejects with one sentence. */
export function servedCertificate(
  target: {
    host: string;
    port: number;
    /** The name or address to verify. */
    serverName: string;
    /** Root certificates, PEM. */
    ca: string | string[];
    what: string;
    /** Whether the name is asked for in the handshake (an address may not be). Default true. */
    sendName?: boolean;
  },
  timeoutSeconds = 10,
): Promise<ServedCertificate> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host: target.host,
      port: target.port,
      ca: target.ca,
      ...(target.sendName === false ? {} : { servername: target.serverName }),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(target.serverName, certificate),
    });
    socket.setTimeout(timeoutSeconds * 1000, () =>
      socket.destroy(new Error(`no answer within ${timeoutSeconds} s`)),
    );
    socket.once("error", (error) => reject(new Error(`${target.what}: ${explain(error, timeoutSeconds)}`)));
    socket.once("secureConnect", () => {
      const leaf: DetailedPeerCertificate = socket.getPeerCertificate(true);
      socket.destroy();
      resolve({
        notBefore: Date.parse(leaf.valid_from),
        notAfter: Date.parse(leaf.valid_to),
        subject: String(leaf.subject?.CN ?? ""),
      });
    });
  });
}
