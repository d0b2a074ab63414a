import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
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
export function providerConfig(api: Pick<LinodeApi, "url">, more: Values = {}): Values {
  const patience = { eventPollMs: "20", minRetryDelayMs: "10", maxRetryDelayMs: "50" };
  const config = { url: api.url, token: TOKEN, apiVersion: "v4", ...patience, ...more };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

/** Runs with a plugin of its own. */
export async function withPlugin<T>(
  api: Pick<LinodeApi, "url">,
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

/** A request as it went over the wire. */
export interface Sent {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Values;
}

/** Stands before the API and writes down what is sent. */
export async function startRecorder(api: LinodeApi): Promise<{ url: string; sent: Sent[]; close(): void }> {
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const [method, path, text] = [request.method ?? "", request.url ?? "", Buffer.concat(parts).toString()];
    sent.push({ method, path, headers: request.headers, body: text === "" ? {} : JSON.parse(text) });
    const { authorization = "", "x-filter": filter } = request.headers;
    const answer = await fetch(`${api.url}${path}`, {
      method,
      headers: {
        Authorization: authorization,
        "Content-Type": "application/json",
        ...(typeof filter === "string" ? { "X-Filter": filter } : {}),
      },
      body: text === "" ? undefined : text,
    });
    response.writeHead(answer.status, { "Content-Type": "application/json" });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, sent, close: () => server.close() };
}
