import type { Listing } from "./lists.js";
import type { Machines } from "./machines.js";
import type { State } from "./state.js";

/** What an answer is made from. */
export interface Call {
  readonly state: State;
  readonly machines: Machines;
  /** Values of the path's places, by name. */
  readonly params: Readonly<Record<string, string>>;
  /** The request's body; an empty object where it had none. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Page and filter that the request asks for. */
  readonly listing: Listing;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Example: "/linode/instances/:linodeId". */
  readonly path: string;
  /** Whether it answers without a token, as Linode's public lists do. */
  readonly open?: boolean;
  /** What is answered as JSON; a refusal is thrown. */
  readonly answer: (call: Call) => unknown;
}

/** The route of a request and the values in its path; undefined where there is none. */
export function match(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | undefined {
  const parts = path.split("/");
  for (const route of routes) {
    if (route.method !== method) continue;
    const pattern = route.path.split("/");
    if (pattern.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = pattern.every((piece, index) => {
      if (!piece.startsWith(":")) return piece === parts[index];
      params[piece.slice(1)] = decodeURIComponent(parts[index]);
      return parts[index] !== "";
    });
    if (fits) return { route, params };
  }
  return undefined;
}
