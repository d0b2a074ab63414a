import type { IncomingMessage, ServerResponse } from "node:http";
import { admin } from "./admin.js";
import { ApiError, notFound } from "./errors.js";
import type { Fault } from "./faults.js";
import { pause } from "./jobs.js";
import { RateLimiter, type RateLimits, tooMany } from "./limits.js";
import { readListing } from "./lists.js";
import type { Machines } from "./machines.js";
import { type Call, match, type Route } from "./router.js";
import { accountRoutes } from "./routes/account.js";
import { domainRoutes } from "./routes/domains.js";
import { firewallRoutes } from "./routes/firewalls.js";
import { imageRoutes } from "./routes/images.js";
import { create, instanceRoutes } from "./routes/instances.js";
import { partRoutes } from "./routes/parts.js";
import { placementRoutes } from "./routes/placement.js";
import { stackScriptRoutes } from "./routes/stackscripts.js";
import { vpcRoutes } from "./routes/vpcs.js";
import type { State } from "./state.js";

const routes: readonly Route[] = [
  ...accountRoutes,
  ...instanceRoutes,
  ...imageRoutes,
  ...partRoutes,
  ...firewallRoutes,
  ...vpcRoutes,
  ...placementRoutes,
  ...domainRoutes,
  ...stackScriptRoutes,
];

/** Largest body that is read. */
const bodyLimit = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers requests: of the API under /v4 and /v4beta, of its tester under /lab. */
export function handler(
  state: State,
  machines: Machines,
  tokens: readonly string[],
  limits: RateLimits,
): (request: IncomingMessage, response: ServerResponse) => void {
  const limiters = new Map<string, RateLimiter>();
  const limiterOf = (user: string): RateLimiter => {
    const limiter = limiters.get(user) ?? new RateLimiter(limits);
    limiters.set(user, limiter);
    return limiter;
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://linode.invalid");
    const method = request.method ?? "GET";
    const body = await readBody(request);
    if (url.pathname.startsWith("/lab/"))
      return { status: 200, body: admin(state, method, url.pathname.slice(4), body), headers: {} };
    const path = /^\/v4(?:beta)?(\/.*)$/.exec(url.pathname)?.[1];
    const found = path === undefined ? undefined : match(routes, method, path);
    const name = found ? `${method} ${found.route.path}` : `${method} ${url.pathname} (unknown)`;
    state.calls.set(name, (state.calls.get(name) ?? 0) + 1);
    const user = userOf(request, tokens);
    if (!user && !found?.route.open) throw new ApiError(401, [{ reason: "Invalid Token" }]);
    if (!found) throw notFound();
    const { route, params } = found;
    const isList = method === "GET" && !/:\w+$/.test(route.path) && route.path !== "/profile";
    const headers = limiterOf(user ?? request.socket.remoteAddress ?? "").count(name, isList);
    const fault = state.faults.take(name, body.label);
    const filter = request.headers["x-filter"];
    const call: Call = {
      state,
      machines,
      params,
      body,
      listing: readListing(url.searchParams, Array.isArray(filter) ? filter[0] : filter),
    };
    const act = (): unknown => (route.answer === create ? create(call, fault) : route.answer(call));
    return { status: 200, body: await underFault(fault, act), headers };
  }

  return (request, response) => {
    answer(request)
      .catch((error: unknown): Answer => {
        if (error instanceof ApiError)
          return { status: error.status, body: { errors: error.reasons }, headers: error.headers };
        state.say(
          `${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`,
        );
        return { status: 500, body: { errors: [{ reason: "Internal Server Error" }] }, headers: {} };
      })
      .then(({ status, body, headers }) => {
        response.writeHead(status, { "Content-Type": "application/json", ...headers });
        response.end(JSON.stringify(body));
      });
  };
}

async function underFault(fault: Fault | undefined, act: () => unknown): Promise<unknown> {
  if (fault?.delayMs) await pause(fault.delayMs);
  if (fault?.status === undefined) return act();
  if (fault.done) await act();
  if (fault.status === 429) throw tooMany(fault.retryAfter ?? 1);
  const headers: Record<string, string> =
    fault.status === 503 ? { "Retry-After": String(fault.retryAfter ?? 1) } : {};
  throw new ApiError(fault.status, [{ reason: "Internal Server Error" }], headers);
}

/** Who asks, by his token; undefined for nobody and for a wrong one. */
function userOf(request: IncomingMessage, tokens: readonly string[]): string | undefined {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  return token && tokens.includes(token) ? token : undefined;
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > bodyLimit) throw new ApiError(413, [{ reason: "Request body is too large." }]);
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString("utf8").trim();
  if (text === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(400, [{ reason: "Invalid JSON" }]);
  }
  // linode_api4 sends null where there is nothing to send.
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value))
    throw new ApiError(400, [{ reason: "The body must be a JSON object." }]);
  return value as Record<string, unknown>;
}
