import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Call } from "../common/kinds";
import { withoutSecrets } from "../common/redact";
import { isObject } from "../common/values";
import { type LinodeApi, loadApi, type Outgoing, type Page } from "./api";

/** How Linode is reached and how patient to be; the provider's settings with their defaults. */
export interface LinodeConfig {
  readonly token?: string;
  /** `http(s)://host[:port][/path]`, without the version. */
  readonly url: string;
  readonly apiVersion: string;
  readonly uaPrefix?: string;
  readonly skipInstanceReadyPoll: boolean;
  readonly skipInstanceDeletePoll: boolean;
  readonly eventPollMs: number;
  readonly minRetryDelayMs: number;
  readonly maxRetryDelayMs: number;
}

/** Linode's own refusal. The message holds Linode's words with the field, method and path, and no secret. */
export class LinodeError extends Error {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

/** What of an operation's surroundings a request needs. */
export type Surroundings = Pick<Call, "signal">;

interface Reason {
  reason: string;
  field?: string;
}

/** What axios rejects with, as far as it is looked at. */
interface Failure {
  config?: { method?: string; url?: string };
  response?: { status: number; data: unknown; headers: Record<string, unknown> };
  code?: string;
  message?: string;
}

/** Everything that the client library thinks it sends goes to this address and below. */
const LIBRARY_ADDRESS = /^https:\/\/api\.linode\.com\/v4(beta)?/;

/** The further tries of linodego (defaultRetryCount in retries.go). An operation's time limit ends them earlier. */
const FURTHER_TRIES = 1000;

/** The greatest page that the API gives: fewer requests, the same list. */
const PAGE_SIZE = 500;

/** Speaks to Linode through its own client library. Nothing is sent before the first request. */
export class LinodeClient {
  private readonly installed: number[] = [];
  private readonly signals = new AsyncLocalStorage<AbortSignal>();

  constructor(
    readonly config: LinodeConfig,
    private readonly api: LinodeApi = loadApi(),
  ) {
    const { request } = api.baseRequest.interceptors;
    this.installed.push(request.use((outgoing) => this.address(outgoing)));
    if (config.token !== undefined) this.installed.push(api.setToken(config.token));
  }

  /** Leaves the library as it was: it has one token and one address for the whole process. */
  close(): void {
    for (const one of this.installed) this.api.baseRequest.interceptors.request.eject(one);
  }

  /**
   * One request with its further tries.
   * @param secrets what the request holds that no message may repeat.
   * @throws LinodeError
   */
  async ask<T>(
    { signal }: Surroundings,
    request: (api: LinodeApi) => Promise<T>,
    secrets: readonly string[] = [],
  ): Promise<T> {
    for (let tries = 0; ; tries += 1) {
      try {
        signal.throwIfAborted();
        return await this.signals.run(signal, () => request(this.api));
      } catch (error) {
        signal.throwIfAborted();
        if (tries >= FURTHER_TRIES || !isTransient(error)) throw this.explain(error, secrets);
        await pause(this.pauseMs(error, tries), { signal });
      }
    }
  }

  /** As `ask`, but nothing there (404) is undefined. */
  async find<T>(call: Surroundings, request: (api: LinodeApi) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.ask(call, request);
    } catch (error) {
      if (error instanceof LinodeError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All pages of a list. */
  async all<T>(
    call: Surroundings,
    request: (api: LinodeApi, params: { page: number; page_size: number }) => Promise<Page<T>>,
  ): Promise<T[]> {
    const found: T[] = [];
    for (let page = 1; ; page += 1) {
      const answer = await this.ask(call, (api) => request(api, { page, page_size: PAGE_SIZE }));
      found.push(...answer.data);
      if (page >= answer.pages) return found;
    }
  }

  private address(outgoing: Outgoing): Outgoing {
    const { url, apiVersion, uaPrefix } = this.config;
    const path = (outgoing.url ?? "").replace(LIBRARY_ADDRESS, "");
    outgoing.url = `${url.replace(/\/+$/, "")}/${apiVersion}${path}`;
    outgoing.signal = this.signals.getStore();
    // As Go's client: no proxy between programs of one host.
    if (/^(localhost|127\.|\[::1\])/.test(new URL(url).hostname)) outgoing.proxy = false;
    if (uaPrefix !== undefined) outgoing.headers.set("User-Agent", `${uaPrefix} hashistack-linode`);
    return outgoing;
  }

  /** Retry-After within the limits, else a pause that doubles (resty's sleepDuration, of which linodego is made). */
  private pauseMs(error: unknown, tries: number): number {
    const { minRetryDelayMs: least, maxRetryDelayMs: most } = this.config;
    const after = Number((error as Failure).response?.headers["retry-after"] ?? 0) * 1000;
    if (after > 0) return Math.max(least, Math.min(after, most));
    const doubled = Math.min(most, least * 2 ** Math.min(tries, 10));
    return Math.max(least, doubled / 2 + (Math.random() * doubled) / 2);
  }

  private explain(error: unknown, secrets: readonly string[]): Error {
    const hidden = [...secrets, ...(this.config.token === undefined ? [] : [this.config.token])];
    const say = (text: string) => withoutSecrets(text.replace(/\s*\n\s*/g, " "), hidden);
    // What the library refuses to send it rejects as a bare list of reasons.
    if (Array.isArray(error)) {
      return new LinodeError(say(`Linode's client refused the request: ${words(error)}`), 400);
    }
    const { config, response, code, message } = error as Failure;
    const what = `${config?.method?.toUpperCase() ?? "a request"} ${pathOf(config?.url)}`;
    if (response === undefined) {
      return new LinodeError(
        say(`Linode did not answer ${what} at ${this.config.url}: ${code ?? message}`),
        0,
      );
    }
    const hint =
      response.status === 401 && this.config.token === undefined
        ? " (there is no token: set linode:token or LINODE_TOKEN)"
        : "";
    const said = words(reasonsOf(response.data));
    return new LinodeError(
      say(`Linode refused ${what}: ${response.status}, ${said}${hint}`),
      response.status,
    );
  }
}

/** Waits, unless the operation ends. */
export async function pause(ms: number, { signal }: Surroundings): Promise<void> {
  // The reason of an abort says more than that there was one.
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** What linodego tries again (retries.go), and the provider besides (helper/retry.go: an instance's addresses). */
function isTransient(error: unknown): boolean {
  const { response, config } = error as Failure;
  if (response === undefined) return false;
  const { status, headers } = response;
  const isNginx = headers.server === "nginx" && headers["content-type"] === "text/html";
  const isBusy = reasonsOf(response.data).some(({ reason }) => reason === "Linode busy.");
  switch (status) {
    case 400:
      return isBusy || isNginx;
    case 408:
    case 429:
      return true;
    case 500:
      return /linode\/instances\/[0-9]+\/ips/.test(config?.url ?? "");
    case 503:
      return headers["x-maintenance-mode"] === undefined;
    default:
      return false;
  }
}

function reasonsOf(data: unknown): Reason[] {
  const errors = isObject(data) ? data.errors : undefined;
  return Array.isArray(errors) ? errors.filter((one) => typeof one?.reason === "string") : [];
}

function words(reasons: Reason[]): string {
  const said = reasons.map(({ field, reason }) => (field ? `${field}: ${reason}` : reason));
  return said.length > 0 ? said.join("; ") : "no reason given";
}

function pathOf(url: string | undefined): string {
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname : String(url);
}
