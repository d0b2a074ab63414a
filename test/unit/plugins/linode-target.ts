import { type LinodeApi, type LinodeApiOptions, startLinodeApi } from "../../../lab/linode";
import { PluginUnderTest, type Values } from "./plugin-under-test";

/** The API that the contract is tried on: the lab's emulated Linode, with an account of its own. */

export const TOKEN = "token-of-the-contract";

/** Many requests in a short time are the test's, not the plugin's. */
const plenty = { requests: 100_000, seconds: 60 };

export function startTarget(options: LinodeApiOptions = {}): Promise<LinodeApi> {
  const limits = { "POST /linode/instances": plenty, list: plenty, other: plenty };
  return startLinodeApi({ tokens: [TOKEN], limits, ...options });
}

/** The provider's configuration as the SDK sends it: everything but texts as JSON. */
export function providerConfig(api: LinodeApi, more: Values = {}): Values {
  const patience = { eventPollMs: "20", minRetryDelayMs: "10", maxRetryDelayMs: "50" };
  const config = { url: api.url, token: TOKEN, apiVersion: "v4", ...patience, ...more };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** Runs with a plugin of its own. */
export async function withPlugin<T>(
  api: LinodeApi,
  work: (plugin: PluginUnderTest) => Promise<T>,
  more: Values = {},
): Promise<T> {
  const plugin = await PluginUnderTest.start("linode", providerConfig(api, more));
  try {
    return await work(plugin);
  } finally {
    await plugin.stop();
  }
}

export interface Answer {
  status: number;
  body: Values;
}

/** Asks the API directly: what a test looks at must not come from the plugin. */
export function admin(api: LinodeApi) {
  return async (method: string, path: string, body?: Values): Promise<Answer> => {
    const response = await fetch(`${api.url}/v4/${path}`, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, body: (await response.json()) as Values };
  };
}

/** The message of what must fail. */
export async function failing(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: Error) => error.message,
  );
}
