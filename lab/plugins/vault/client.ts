import { setTimeout as sleep } from "node:timers/promises";
import type { Call, Values } from "../common/kinds";
import { texts, withoutSecrets } from "../common/redact";
import { isObject } from "../common/values";
import { type Answer, ConnectionError, connect, type Send, type Target } from "./https";

/** How to log in and how patient to be. */
export interface VaultConfig extends Target {
  readonly token?: string;
  readonly authLogin?: { readonly path: string; readonly parameters: Readonly<Record<string, string>> };
  /** Further tries after a 429, a 5xx or a lost connection; the official default is 2. */
  readonly maxRetries: number;
}

/** What of an operation's surroundings a request needs. */
export type Surroundings = Pick<Call, "signal">;

/** Vault's own refusal. The message holds Vault's words and the path, and no secret. */
export class VaultError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly reasons: readonly string[],
  ) {
    super(message);
  }
}

/** The pause before another try: retryablehttp's in Vault's Go client (MinRetryWait, MaxRetryWait). */
const pauseMs = () => 1000 + Math.random() * 500;

/** How long a secrets engine that was just mounted may answer that it is being upgraded. */
const upgradeWithinMs = 30_000;

/** Speaks to one Vault. Nothing is sent, and nobody logs in, before the first request. */
export class VaultClient {
  private send: Send | undefined;
  private token: Promise<string> | undefined;

  constructor(private readonly config: VaultConfig) {}

  /**
   * Reads, writes or deletes.
   * @param path without `/v1/`; each segment is escaped here.
   * @returns the answer's `data`, empty where there is none; undefined where a read finds nothing (404).
   * @throws VaultError, ConnectionError
   */
  async request(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    call: Surroundings,
    body?: Values,
  ): Promise<Values | undefined> {
    // One login, whoever asks first; a refused one is not tried again by every resource, since Vault locks out.
    this.token ??= this.logIn(call);
    const token = await this.token;
    const answer = await this.exchange(method, path, call, token, body, [token, ...leaves(body)]);
    return answer.status === 404 ? undefined : dataOf(answer);
  }

  /** As the official provider: log in, then look at the token, so that a policy that forbids this shows here too. */
  private async logIn(call: Surroundings): Promise<string> {
    const { authLogin } = this.config;
    const token = authLogin === undefined ? this.config.token : await this.exchangeLogin(authLogin, call);
    if (token === undefined) {
      throw new Error("the vault provider has neither a token nor an authLogin");
    }
    await this.exchange("GET", "auth/token/lookup-self", call, token, undefined, [token]);
    return token;
  }

  private async exchangeLogin(
    login: NonNullable<VaultConfig["authLogin"]>,
    call: Surroundings,
  ): Promise<string> {
    const secrets = Object.values(login.parameters);
    const answer = await this.exchange("PUT", login.path, call, undefined, { ...login.parameters }, secrets);
    const { auth } = parse(answer);
    if (!isObject(auth) || typeof auth.client_token !== "string") {
      throw new VaultError(`Vault gave no token for the login at ${login.path}`, answer.status, []);
    }
    return auth.client_token;
  }

  /** One request with its further tries. Every answer but success, and 404 to a read or delete, is thrown. */
  private async exchange(
    method: string,
    path: string,
    call: Surroundings,
    token: string | undefined,
    body: Values | undefined,
    secrets: readonly string[],
  ): Promise<Answer> {
    this.send ??= connect(this.config);
    const started = Date.now();
    const options = {
      headers: { "X-Vault-Request": "true", ...(token === undefined ? {} : { "X-Vault-Token": token }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: call.signal,
    };
    const url = `/v1/${path.split("/").map(encodeURIComponent).join("/")}`;
    for (let tries = 0; ; tries += 1) {
      const outcome = await this.send(method, url, options).catch((error: unknown) => error);
      call.signal.throwIfAborted();
      const again = tries < this.config.maxRetries;
      if (!isAnswer(outcome)) {
        if (again && outcome instanceof ConnectionError && !outcome.final) {
          await pause(pauseMs(), call);
          continue;
        }
        throw outcome;
      }
      const nothingThere = outcome.status === 404 && (method === "GET" || method === "DELETE");
      if (nothingThere || (outcome.status >= 200 && outcome.status < 300)) {
        return outcome;
      }
      const error = refusal(method, path, outcome, secrets);
      const upgrading = isUpgrading(error) && Date.now() - started < upgradeWithinMs;
      if (!upgrading && !(again && isTransient(outcome.status))) {
        throw error;
      }
      await pause(upgrading ? 500 : pauseMs(), call);
    }
  }
}

async function pause(ms: number, { signal }: Surroundings): Promise<void> {
  // The reason of an abort says more than that there was one.
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** As Vault's Go client: 412, 429 and every 5xx but 501 (DefaultRetryPolicy in api/client.go). */
function isTransient(status: number): boolean {
  return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

/** The official provider repeats the first write into a new mount on 400 (RetryWrite in util.go): for this. */
function isUpgrading(error: VaultError): boolean {
  return error.status === 400 && error.reasons.some((reason) => /upgrading from non-versioned/i.test(reason));
}

function refusal(method: string, path: string, answer: Answer, secrets: readonly string[]): VaultError {
  const { errors } = parse(answer);
  const reasons = (Array.isArray(errors) ? errors : []).map((reason) =>
    withoutSecrets(String(reason), secrets),
  );
  // A server that hears of no leader sends whoever asks on, to nowhere.
  const silent = answer.status === 307 ? "none of its servers leads just now" : "no reason given";
  const said = reasons.length > 0 ? reasons.join("; ").replace(/\s*\n\s*/g, " ") : silent;
  return new VaultError(`Vault refused ${method} ${path}: ${answer.status}, ${said}`, answer.status, reasons);
}

/** The texts inside the secret part of a body: `data` of a key-value write. */
function leaves(body: Values | undefined): string[] {
  const data = body?.data;
  return isObject(data) ? texts(data) : [];
}

function isAnswer(outcome: unknown): outcome is Answer {
  return isObject(outcome) && !(outcome instanceof Error) && typeof outcome.status === "number";
}

function parse(answer: Answer): Values {
  try {
    const parsed: unknown = JSON.parse(answer.body);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function dataOf(answer: Answer): Values {
  const { data } = parse(answer);
  return isObject(data) ? data : {};
}
