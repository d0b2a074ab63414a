import { ApiError } from "./errors.js";

/** How many requests of a kind pass in a time. */
interface Limit {
  readonly requests: number;
  readonly seconds: number;
}

/** https://techdocs.akamai.com/linode-api/reference/rate-limits, as of September 2026. */
export const rateLimits = {
  "POST /linode/instances": { requests: 20, seconds: 15 },
  "GET /images": { requests: 20, seconds: 60 },
  list: { requests: 200, seconds: 60 },
  other: { requests: 1600, seconds: 60 },
} satisfies Record<string, Limit>;

export type RateLimits = { readonly [K in keyof typeof rateLimits]: Limit };

/** Counts requests of one user in windows of fixed length. */
export class RateLimiter {
  private readonly windows = new Map<string, { ends: number; left: number }>();

  constructor(private readonly limits: RateLimits) {}

  /** The headers that tell how much is left; refuses with 429 when nothing is. `at` is the present time in milliseconds. */
  count(route: string, isList: boolean, at = Date.now()): Record<string, string> {
    const key =
      route in this.limits ? (route as keyof RateLimits) : isList ? ("list" as const) : ("other" as const);
    const limit = this.limits[key];
    let window = this.windows.get(key);
    if (!window || at >= window.ends) window = { ends: at + limit.seconds * 1000, left: limit.requests };
    this.windows.set(key, window);
    const headers = {
      "X-RateLimit-Limit": String(limit.requests),
      "X-RateLimit-Remaining": String(Math.max(0, window.left - 1)),
      "X-RateLimit-Reset": String(Math.ceil(window.ends / 1000)),
    };
    if (window.left === 0) throw tooMany(Math.ceil((window.ends - at) / 1000), headers);
    window.left--;
    return headers;
  }
}

export const tooMany = (retryAfter: number, headers: Record<string, string> = {}): ApiError =>
  new ApiError(429, [{ reason: "Too many requests" }], { ...headers, "Retry-After": String(retryAfter) });
