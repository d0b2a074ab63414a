/** One HTTPS request with one limit for all of it; a name may have several addresses. */
import https from "node:https";
import { isIP } from "node:net";

/** What a client on a dual-stack host waits for an address before it tries the next: RFC 8305, as browsers do. */
const NEXT_ADDRESS_MS = 250;

/**
 * Asks on a connection of its own. With several addresses they are tried in turn, each when the one before refused or
 * stayed silent. Rejects when the connection fails or dies, or the limit is over; any status is an answer.
 * @param {{addresses: string[], port: number, serverName: string, ca: string, path: string, method?: string,
 *   headers?: Record<string, string>, body?: string}} request
 * @param {number} limitMs
 * @returns {Promise<{status: number, body: string}>}
 */
export function ask({ addresses, port, serverName, ca, path, method = "GET", headers, body }, limitMs) {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return new Promise((resolve, reject) => {
    const outgoing = https.request(
      {
        host: serverName,
        port,
        path,
        method,
        ca,
        servername: serverName,
        headers,
        agent: false,
        lookup: (_name, options, done) =>
          options.all ? done(null, known) : done(null, known[0].address, known[0].family),
        autoSelectFamily: known.length > 1,
        autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        answer.on("end", () => end(() => resolve({ status: answer.statusCode, body: text })));
        answer.on("error", (error) => end(() => reject(error)));
        answer.on("aborted", () =>
          end(() => reject(Object.assign(new Error("cut off"), { code: "cut off" }))),
        );
      },
    );
    const timer = setTimeout(() => {
      outgoing.destroy(Object.assign(new Error("silent"), { code: "silent" }));
    }, limitMs);
    const end = (then) => {
      clearTimeout(timer);
      then();
    };
    outgoing.on("error", (error) => end(() => reject(error)));
    outgoing.end(body);
  });
}

/** The cause of a failed request in a word or two. Example: "ECONNREFUSED". */
export function cause(error) {
  // Of several addresses the last one's tells.
  const last = error.errors?.at(-1) ?? error;
  return last.code ?? last.message ?? String(last);
}
