import { type LinodeApi, type LinodeApiOptions, startLinodeApi } from "../../../lab/linode/index";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks into is any JSON
  readonly body: any;
}

export interface Account extends LinodeApi {
  /** Asks the API, or the tester's side of it (a path that begins with /lab). */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** A request to an emulated API with the token "rehearsal". */
export async function ask(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path.startsWith("/lab/") ? path : `/v4${path}`}`, {
    method,
    headers: { authorization: "Bearer rehearsal", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

export async function startAccount(options: LinodeApiOptions = {}): Promise<Account> {
  const api = await startLinodeApi({ paceMs: 1, ...options });
  return { ...api, ask: (method, path, body, headers) => ask(api.url, method, path, body, headers) };
}

/** The least that makes an instance. */
export const plain = (label: string): Record<string, unknown> => ({
  label,
  region: "de-fra-2",
  type: "g6-nanode-1",
  image: "private/1",
  root_pass: "correct horse battery staple",
});

/** Asks until it is so, for 5 s at most. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T>,
  so: (value: T) => boolean,
): Promise<T> {
  const end = Date.now() + 5000;
  for (;;) {
    const value = await ask();
    if (so(value)) return value;
    if (Date.now() > end) throw new Error(`${what} did not come within 5 s: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const untilStatus = (account: Account, id: number, status: string): Promise<Answer> =>
  eventually(
    `The status ${status} of instance ${id}`,
    () => account.ask("GET", `/linode/instances/${id}`),
    ({ body }) => body.status === status,
  );
