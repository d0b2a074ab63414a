/** A visitor of the site. */
import { ask, cause } from "./http.mjs";

/** After this a visitor's program takes a silent connection for dead. */
const LIMIT_MS = 5000;

/**
 * One page. Without `retry`: one connection to one address. With it: all addresses of the name, beginning with another
 * machine's each time, and once again when the connection died before the answer was there, as browsers do with a GET.
 * An answer is an answer: nobody asks again because of a status.
 * @param {{balancers: string[][], retry: boolean, text: string, port: number, serverName: string, ca: string}} load
 *   `balancers`: the addresses of each
 * @param {number} turn counts the visits
 */
export async function visit({ balancers, retry, text, ...target }, turn) {
  const first = turn % balancers.length;
  const inOrder = (from) => [...balancers.slice(from), ...balancers.slice(0, from)].flat();
  const single = balancers[first][Math.floor(turn / balancers.length) % balancers[first].length];
  const request = { ...target, path: "/", headers: { host: target.serverName } };
  let why;
  for (let tries = 1; tries <= (retry ? 2 : 1); tries++) {
    const addresses = retry ? inOrder((first + tries - 1) % balancers.length) : [single];
    try {
      const { status, body } = await ask({ ...request, addresses }, LIMIT_MS);
      if (status === 200 && body.includes(text)) return { ok: true, tries, why };
      return { ok: false, tries, why: status === 200 ? "another page" : `status ${status}` };
    } catch (error) {
      why = cause(error);
    }
  }
  return { ok: false, tries: retry ? 2 : 1, why };
}
