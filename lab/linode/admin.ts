import { ApiError, notFound } from "./errors.js";
import { type Fault, faultProblem } from "./faults.js";
import type { State } from "./state.js";

/**
 * What a tester asks and does from outside the API:
 * - `GET /lab/calls` how often each route was asked; `DELETE /lab/calls` begins to count anew
 * - `GET /lab/faults`, `POST /lab/faults` one `Fault`, `DELETE /lab/faults`
 * - `GET /lab/left` what the account has, by kind: labels of all that is there
 * - `GET /lab/zones` the domains and their records, for the DNS server
 */
export function admin(state: State, method: string, path: string, body: Record<string, unknown>): object {
  switch (`${method} ${path}`) {
    case "GET /calls":
      return Object.fromEntries([...state.calls].sort(([one], [other]) => (one < other ? -1 : 1)));
    case "DELETE /calls":
      state.calls.clear();
      return {};
    case "GET /faults":
      return { faults: state.faults.list() };
    case "POST /faults": {
      const problem = faultProblem(body);
      if (problem) throw new ApiError(400, [{ reason: problem }]);
      state.faults.add(body as unknown as Fault);
      return {};
    }
    case "DELETE /faults":
      state.faults.clear();
      return {};
    case "GET /left":
      return leftOver(state);
    case "GET /zones":
      return { zones: zonesOf(state) };
    default:
      throw notFound();
  }
}

/** Labels of all that an account has, by kind. A domain's records are named with it. */
export const leftOver = (state: State): Record<string, string[]> => ({
  instances: [...state.instances.values()].map(({ view }) => view.label),
  firewalls: [...state.firewalls.values()].map(({ view }) => view.label),
  vpcs: [...state.vpcs.values()].map(({ label }) => label),
  images: [...state.images.values()].map(({ label }) => label),
  placementGroups: [...state.groups.values()].map(({ label }) => label),
  stackScripts: [...state.stackScripts.values()].map(({ label }) => label),
  domains: [...state.domains.values()].map(({ view }) => view.domain),
  records: [...state.domains.values()].flatMap(({ view, records }) =>
    records.map(({ name, type, target }) => `${name ? `${name}.` : ""}${view.domain} ${type} ${target}`),
  ),
});

/** A zone as the DNS server needs it. */
export interface Zone {
  readonly domain: string;
  readonly email: string;
  readonly ttl: number;
  readonly records: readonly { name: string; type: string; target: string; ttl: number; priority: number }[];
}

/** Linode serves domains that are active; the lifetime 0 stands for the zone's, and the zone's for a day. */
export const zonesOf = (state: State): Zone[] =>
  [...state.domains.values()]
    .filter(({ view }) => view.status === "active")
    .map(({ view, records }) => ({
      domain: view.domain,
      email: view.soa_email,
      ttl: view.ttl_sec || 86_400,
      records: records.map(({ name, type, target, ttl_sec, priority }) => ({
        name,
        type,
        target,
        ttl: ttl_sec || view.ttl_sec || 86_400,
        priority,
      })),
    }));
