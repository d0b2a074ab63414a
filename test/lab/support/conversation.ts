import { connect, type TLSSocket } from "node:tls";

/** How one is spoken to over TLS. */
export interface Spoken {
  host: string;
  port: number;
  /** Root of who answers, PEM. */
  ca: string;
  /** The name to ask for; it must be in the certificate. */
  name: string;
  /** Whether another name may stand in the certificate. Default: false. */
  anyName?: boolean;
}

/** A connection that stays. Rejects where it cannot be, or who answers is not verified. */
export function connection({ host, port, ca, name, anyName = false }: Spoken): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const verify = anyName ? { checkServerIdentity: () => undefined } : {};
    const socket = connect({ host, port, ca, servername: name, timeout: 5000, ...verify }, () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.on("timeout", () => socket.destroy(new Error(`${name} is silent`)));
    socket.on("error", reject);
  });
}

/** Says something and hears until what is heard has an end. Rejects when the connection ends before, or after 5 s. */
export function said(socket: TLSSocket, words: string, end: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const over = (why: string) => () => {
      clearTimeout(limit);
      reject(new Error(`${why} after "${text.slice(0, 200)}"`));
    };
    const limit = setTimeout(() => over("silent")(), 5000);
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (!text.includes(end)) return;
      clearTimeout(limit);
      resolve(text);
    });
    socket.on("error", over("an error")).on("close", over("closed"));
    socket.write(words);
  });
}
