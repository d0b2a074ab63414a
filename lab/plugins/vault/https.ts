import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";

/** How Vault is reached. */
export interface Target {
  /** `https://host:port`, nothing behind. */
  readonly address: string;
  /** File with the CA certificates to trust, alone; without it the system's count. */
  readonly caCertFile?: string;
  /** The name that Vault's certificate must be for; by default the address's host. */
  readonly tlsServerName?: string;
}

/** One HTTP answer. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Sends one request; rejects with a `ConnectionError` when no answer comes. */
export type Send = (method: string, path: string, options: SendOptions) => Promise<Answer>;

export interface SendOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** No answer came. `final` when trying again cannot help: the certificate is wrong. */
export class ConnectionError extends Error {
  constructor(
    message: string,
    readonly final: boolean,
  ) {
    super(message);
  }
}

/** Vault's own Go client waits as long (DefaultConfig in api/client.go). */
const answerWithinMs = 60_000;

/** Errors that say that the other side is not the one that was meant. */
const certificateErrors = /^(CERT_|ERR_TLS_CERT|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_CA|HOSTNAME_)/;

/**
 * Connects to one Vault, keeping connections open. The certificate is always verified.
 * @throws when the CA file cannot be read.
 */
export function connect(target: Target): Send {
  const url = new URL(target.address);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 16,
    minVersion: "TLSv1.2",
    ca: target.caCertFile === undefined ? undefined : readCa(target.caCertFile),
    servername: target.tlsServerName,
  });
  return (method, path, { headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          agent,
          host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
          port: url.port === "" ? 443 : url.port,
          method,
          path,
          headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
          timeout: answerWithinMs,
          signal,
        },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part: Buffer) => parts.push(part));
          answer.on("error", (error: NodeJS.ErrnoException) => reject(connectionError(target, error)));
          answer.on("end", () =>
            resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString("utf8") }),
          );
        },
      );
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${answerWithinMs / 1000} s`)));
      sent.on("error", (error: NodeJS.ErrnoException) => reject(connectionError(target, error)));
      sent.end(body);
    });
}

function connectionError(target: Target, error: NodeJS.ErrnoException): ConnectionError {
  return new ConnectionError(
    `Vault at ${target.address} cannot be reached: ${error.message || error.code}`,
    certificateErrors.test(error.code ?? ""),
  );
}

function readCa(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`caCertFile ${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`caCertFile ${file} has no certificate in PEM format`);
  }
  return pem;
}
