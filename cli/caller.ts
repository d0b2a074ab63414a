/** The APIs of the three services, through the pass-throughs on support. */
import { type Call, requestJson } from "./http";
import type { Api } from "./outputs";

/**
 * Asks one of them.
 * @param headers with the token, where one is needed
 * @param service for errors. Example: "Nomad"
 */
export function caller(api: Api, ca: string | undefined, headers: Record<string, string>, service: string) {
  return async <T>(path: string, more: Partial<Call> = {}): Promise<T> =>
    (await requestJson({
      url: `${api.address}${path}`,
      serverName: api.serverName,
      ca: ca ?? "",
      headers,
      what: `${service} ${path.replace(/\?.*$/, "")}`,
      ...more,
    })) as T;
}
