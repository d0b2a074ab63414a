import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type RateLimits, rateLimits } from "./limits.js";
import { type Machines, ThoughtMachines } from "./machines.js";
import { handler } from "./server.js";
import { emptyState, type State } from "./state.js";

export type { Fault } from "./faults.js";
export { type MachineFilter, type MachineOrder, type Machines, ThoughtMachines } from "./machines.js";
export type { State } from "./state.js";

export interface LinodeApiOptions {
  /** Tokens that are taken, each of a user of its own. Default: "rehearsal". */
  readonly tokens?: readonly string[];
  /** What makes machines. Default: they are only thought of. */
  readonly machines?: Machines;
  /** Where it listens: a port of 127.0.0.1, or the path of a socket. Default: any free port. */
  readonly listen?: number | string;
  /** Milliseconds that each step of an instance takes besides the machine's own time. Default 10. */
  readonly paceMs?: number;
  /** Limits that differ from Linode's. Example: `{ list: { requests: 5, seconds: 60 } }`. */
  readonly limits?: Partial<RateLimits>;
  /** Says aloud what an operator should know. Default: nobody hears it. */
  readonly say?: (words: string) => void;
}

export interface LinodeApi {
  /** Where it answers, without the version. Example: "http://127.0.0.1:40123". With a socket: its path. */
  readonly url: string;
  /** All that the account has. */
  readonly state: State;
  /** Ends it: no new requests, and comes back when all jobs have ended. */
  close(): Promise<void>;
}

/**
 * Starts an emulated Linode API: `<url>/v4`, and for its tester `<url>/lab` (see admin.ts). Each has an account of its own.
 *
 * @example
 * const api = await startLinodeApi({});
 * await fetch(`${api.url}/v4/linode/instances`, { headers: { authorization: "Bearer rehearsal" } });
 */
export async function startLinodeApi(options: LinodeApiOptions = {}): Promise<LinodeApi> {
  const { tokens = ["rehearsal"], machines = new ThoughtMachines(), listen = 0, paceMs = 10 } = options;
  const state = emptyState(paceMs, options.say ?? (() => undefined));
  const server = createServer(handler(state, machines, tokens, { ...rateLimits, ...options.limits }));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (typeof listen === "string") server.listen(listen, resolve);
    else server.listen(listen, "127.0.0.1", resolve);
  });
  const url =
    typeof listen === "string" ? listen : `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, state, close: () => close(server, state) };
}

async function close(server: Server, state: State): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  // A job may put another behind it: a boot follows a creation.
  for (let waiting: Promise<void>[] = []; ; ) {
    const lasts = [...state.instances.values()].map(({ last }) => last);
    if (lasts.every((last) => waiting.includes(last))) return;
    await Promise.all(lasts);
    waiting = lasts;
  }
}
