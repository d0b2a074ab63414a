import { randomBytes, randomUUID } from "node:crypto";
import { get } from "node:https";
import type { Values } from "./plugin-under-test";

/**
 * The few endpoints of Vault's HTTP API that the plugin `vault` uses, with the answers that Vault 1.21.1 gives: each
 * was looked at on a real server, on which the same contract runs (test/lab/plugins-vault.test.ts). Tokens are
 * checked; policies are kept but never applied.
 */

/** An answer: what is not its status is its body. */
export interface Reply {
  status: number;
  data?: unknown;
  auth?: unknown;
  errors?: string[];
}

interface Version {
  data: unknown;
  metadata: Values;
}

export interface State {
  tokens: Map<string, string>;
  /** Secrets engines, and auth methods as `auth/<path>`. */
  mounts: Map<string, Values>;
  audits: Map<string, Values>;
  policies: Map<string, string>;
  /** Versions of key-value secrets, newest last. */
  secrets: Map<string, Version[]>;
  /** Configurations and roles of auth methods, by path. */
  settings: Map<string, Values>;
  /** Secret ids, by role. */
  secretIds: Map<string, string>;
}

export function newState(rootToken: string): State {
  return {
    tokens: new Map([[rootToken, "root"]]),
    mounts: new Map(),
    audits: new Map(),
    policies: new Map(),
    secrets: new Map(),
    settings: new Map(),
    secretIds: new Map(),
  };
}

const done: Reply = { status: 204 };
const absent: Reply = { status: 404, errors: [] };
const refused = (...errors: string[]): Reply => ({ status: 400, errors });
const found = (data: unknown): Reply => ({ status: 200, data });

const tokenFields: Values = {
  token_bound_cidrs: [],
  token_explicit_max_ttl: 0,
  token_max_ttl: 0,
  token_no_default_policy: false,
  token_num_uses: 0,
  token_period: 0,
  token_policies: [],
  token_ttl: 0,
  token_type: "default",
};

const appRole: Values = {
  bind_secret_id: true,
  local_secret_ids: false,
  secret_id_bound_cidrs: null,
  secret_id_num_uses: 0,
  secret_id_ttl: 0,
  ...tokenFields,
};

const jwtRole: Values = {
  allowed_redirect_uris: null,
  bound_audiences: null,
  bound_claims: null,
  bound_claims_type: "string",
  bound_subject: "",
  claim_mappings: null,
  clock_skew_leeway: 0,
  expiration_leeway: 0,
  groups_claim: "",
  not_before_leeway: 0,
  user_claim_json_pointer: false,
  ...tokenFields,
};

const jwtConfig: Values = {
  bound_issuer: "",
  default_role: "",
  jwks_ca_pem: "",
  jwks_url: "",
  jwt_supported_algs: [],
  jwt_validation_pubkeys: [],
  namespace_in_state: true,
};

/** Answers one request. */
export async function answerTo(
  state: State,
  method: string,
  path: string,
  token: string,
  body: Values,
): Promise<Reply> {
  const write = method === "PUT" || method === "POST";
  const login = /^auth\/(.+)\/login$/.exec(path);
  if (write && login) return logIn(state, login[1], body);
  if (!state.tokens.has(token)) {
    return { status: 403, errors: ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] };
  }
  if (path === "auth/token/lookup-self") return found({ accessor: state.tokens.get(token) });
  if (path === "auth/token/accessors") return found({ keys: [...state.tokens.values()] });
  const system = /^sys\/(mounts|auth|audit|policies\/acl)(?:\/(.+))?$/.exec(path);
  if (system?.[1] === "mounts") return mount(state, method, system[2], body);
  if (system?.[1] === "auth") return mount(state, method, `auth/${system[2]}`, body);
  if (system?.[1] === "audit") return audit(state, method, system[2], body);
  if (system?.[1] === "policies/acl") return policy(state, method, system[2], body);
  const kept = [...state.mounts.keys()].find((name) => path.startsWith(`${name}/`));
  if (kept === undefined) {
    return { status: 404, errors: [`no handler for route "${path}". route entry not found.`] };
  }
  return kept.startsWith("auth/")
    ? setting(state, method, kept, path, body)
    : (state.mounts.get(kept)?.options as Values | undefined)?.version === "2"
      ? secret(state, method, kept, path, body)
      : plainSecret(state, method, path, body);
}

function logIn(state: State, backend: string, { role_id, secret_id }: Values): Reply {
  const roles = [...state.settings].filter(([path]) => path.startsWith(`auth/${backend}/role/`));
  const [path] = roles.find(([, role]) => role.role_id === role_id) ?? [];
  if (path === undefined || state.secretIds.get(path) !== secret_id) {
    return refused("invalid role or secret ID");
  }
  const token = `hvs.${randomBytes(16).toString("base64url")}`;
  state.tokens.set(token, randomUUID());
  return { status: 200, auth: { client_token: token } };
}

function mount(state: State, method: string, path: string, body: Values): Reply {
  const tuned = path.replace(/\/tune$/, "");
  const entry = state.mounts.get(tuned);
  const isTune = tuned !== path;
  if (method === "GET") return entry ? found(entry) : refused(`No secret engine mount at ${path}/`);
  if (method === "DELETE") {
    state.mounts.delete(path);
    for (const kept of [state.secrets, state.settings]) {
      for (const key of kept.keys()) if (key.startsWith(`${path}/`)) kept.delete(key);
    }
    return done;
  }
  if (isTune) {
    if (entry === undefined) return refused(`no mount entry found for "${tuned}"`);
    const config = { ...(entry.config as Values), ...leases(body) };
    state.mounts.set(tuned, { ...entry, ...only(body, ["description", "options"]), config });
    return done;
  }
  if (entry !== undefined) return refused(`path is already in use at ${path}/`);
  const isVersioned = body.type === "kv-v2";
  const config = leases((body.config as Values | undefined) ?? {});
  state.mounts.set(path, {
    accessor: `${body.type}_${randomBytes(4).toString("hex")}`,
    type: isVersioned ? "kv" : body.type,
    description: body.description ?? "",
    options: isVersioned ? { version: "2" } : (body.options ?? {}),
    config: { default_lease_ttl: 0, max_lease_ttl: 0, force_no_cache: false, ...config },
    local: false,
    seal_wrap: false,
  });
  return done;
}

function leases(config: Values): Values {
  const given = only(config, ["default_lease_ttl", "max_lease_ttl"]);
  return Object.fromEntries(
    Object.entries(given).map(([name, ttl]) => [name, Number.parseInt(String(ttl), 10)]),
  );
}

function audit(state: State, method: string, path: string | undefined, body: Values): Reply {
  if (method === "GET") return found(Object.fromEntries(state.audits));
  if (method === "DELETE") {
    state.audits.delete(`${path}/`);
    return done;
  }
  if (state.audits.has(`${path}/`)) return refused("path already in use: invalid configuration");
  state.audits.set(`${path}/`, { description: "", local: false, ...body, path: `${path}/` });
  return done;
}

function policy(state: State, method: string, name: string, body: Values): Reply {
  if (method === "DELETE") {
    state.policies.delete(name);
    return done;
  }
  const kept = state.policies.get(name);
  if (method === "GET") return kept === undefined ? absent : found({ name, policy: kept });
  const text = String(body.policy);
  // Enough of a parser to refuse what is plainly broken, as Vault does.
  if ((text.match(/{/g) ?? []).length !== (text.match(/}/g) ?? []).length) {
    return refused("failed to parse policy: At 1:10: object expected closing RBRACE got: EOF");
  }
  state.policies.set(name, text.trim());
  return done;
}

/** A secret of version 1: what was written last. */
function plainSecret(state: State, method: string, path: string, body: Values): Reply {
  const [kept] = state.secrets.get(path) ?? [];
  if (method === "GET") return kept === undefined ? absent : found(kept.data as Values);
  if (method === "DELETE") state.secrets.delete(path);
  else state.secrets.set(path, [{ data: body, metadata: {} as Version["metadata"] }]);
  return done;
}

function secret(state: State, method: string, kept: string, path: string, body: Values): Reply {
  const [, part, name] = /^(data|metadata)\/(.+)$/.exec(path.slice(kept.length + 1)) ?? [];
  const key = `${kept}/${name}`;
  const versions = state.secrets.get(key) ?? [];
  const newest = versions.at(-1);
  if (part === "metadata") {
    if (method === "DELETE") state.secrets.delete(key);
    if (method === "DELETE") return done;
    return newest === undefined ? absent : found({ current_version: versions.length });
  }
  if (method === "GET") {
    if (newest === undefined) return absent;
    return newest.metadata.deletion_time === ""
      ? found(newest)
      : { status: 404, data: { ...newest, data: null } };
  }
  const now = new Date().toISOString();
  if (method === "DELETE") {
    if (newest !== undefined) newest.metadata.deletion_time = now;
    return done;
  }
  const times = { created_time: now, deletion_time: "" };
  const metadata = { ...times, custom_metadata: null, destroyed: false, version: versions.length + 1 };
  state.secrets.set(key, [...versions, { data: body.data, metadata }]);
  return found(metadata);
}

async function setting(
  state: State,
  method: string,
  kept: string,
  path: string,
  body: Values,
): Promise<Reply> {
  const known = state.settings.get(path);
  const type = state.mounts.get(kept)?.type;
  const extra = /^(.+\/role\/[^/]+)\/(role-id|custom-secret-id)$/.exec(path);
  if (extra) {
    const role = state.settings.get(extra[1]);
    if (role === undefined) return absent;
    if (method === "GET") return found({ role_id: role.role_id });
    if (extra[2] === "role-id") role.role_id = body.role_id;
    else state.secretIds.set(extra[1], String(body.secret_id));
    return done;
  }
  if (method === "DELETE") {
    state.settings.delete(path);
    return done;
  }
  if (method === "GET") return known === undefined ? absent : found(known);
  if (path.endsWith("/config")) {
    const url = body.jwks_url;
    if (typeof url === "string" && url !== "" && !(await readable(url, body.jwks_ca_pem))) {
      return refused(`error checking jwks URL ${url}`);
    }
    state.settings.set(path, { ...jwtConfig, ...trimmed(body) });
    return done;
  }
  const role = { ...(type === "jwt" ? jwtRole : appRole), ...known, ...body };
  const audiences = role.bound_audiences as string[] | null;
  const claims = Object.keys((role.bound_claims as Values | null) ?? {});
  if (type === "jwt" && !audiences?.length && claims.length === 0 && role.bound_subject === "") {
    return refused("must have at least one bound constraint when creating/updating a role");
  }
  // Vault shows a single address without its prefix length.
  const cidrs = role.token_bound_cidrs as string[];
  state.settings.set(path, {
    ...role,
    token_bound_cidrs: cidrs.map((one) => one.replace(/\/(32|128)$/, "")),
  });
  return done;
}

/** Vault keeps keys without the line ends around them. */
function trimmed(body: Values): Values {
  const keys = body.jwt_validation_pubkeys;
  return Array.isArray(keys)
    ? { ...body, jwt_validation_pubkeys: keys.map((key) => String(key).trim()) }
    : body;
}

function readable(url: string, ca: unknown): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(url, { ca: typeof ca === "string" ? ca : undefined, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on("error", () => resolve(false));
    asked.on("timeout", () => asked.destroy());
  });
}

function only(values: Values, names: string[]): Values {
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}
