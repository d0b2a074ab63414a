import type { Property, ResourceKind, Values } from "../common/kinds";
import { isObject } from "../common/values";
import { type VaultClient, VaultError } from "./client";
import { enterprise, pathPart, readInputs, unimplemented } from "./fields";

/** What is mounted in Vault: secrets engines, auth methods, audit devices. */
export function mountKinds(vault: () => VaultClient): ResourceKind[] {
  return [mountKind(vault), authBackendKind(vault), auditKind(vault)];
}

/** `vault.Mount` (resource_mount.go). Its id is its path. */
function mountKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    path: { ...pathPart, required: true },
    type: { type: "string", required: true, forceNew: true },
    description: { type: "string" },
    defaultLeaseTtlSeconds: { type: "integer", default: 0 },
    maxLeaseTtlSeconds: { type: "integer", default: 0 },
    options: { type: "map", of: { type: "string" } },
    allowedManagedKeys: unimplemented(enterprise),
    allowedResponseHeaders: unimplemented(),
    auditNonHmacRequestKeys: unimplemented(),
    auditNonHmacResponseKeys: unimplemented(),
    delegatedAuthAccessors: unimplemented(),
    externalEntropyAccess: unimplemented(enterprise),
    forceNoCache: unimplemented(),
    identityTokenKey: unimplemented(enterprise),
    listingVisibility: unimplemented(),
    local: unimplemented(enterprise),
    namespace: unimplemented(enterprise),
    passthroughRequestHeaders: unimplemented(),
    pluginVersion: unimplemented(),
    sealWrap: unimplemented(enterprise),
  };
  const settings = (values: Values): Values => ({
    default_lease_ttl: `${values.defaultLeaseTtlSeconds}s`,
    max_lease_ttl: `${values.maxLeaseTtlSeconds}s`,
  });
  return {
    token: "vault:index/mount:Mount",
    inputs,
    outputs: { accessor: { stable: true } },
    mustReplace: refuseRemount,
    async create(values, call) {
      const path = String(values.path);
      const { type, description = "", options = {} } = values;
      const body = { type, description, options, config: settings(values) };
      await vault().request("POST", `sys/mounts/${path}`, call, body);
      const made = await readMount(vault(), `sys/mounts/${path}`, call);
      return { id: path, outputs: { accessor: made?.accessor } };
    },
    async read(id, state, call) {
      const data = await readMount(vault(), `sys/mounts/${id}`, call);
      if (data === undefined) {
        return undefined;
      }
      const config = isObject(data.config) ? data.config : {};
      const flat = {
        path: id,
        type: data.type,
        description: data.description,
        options: data.options,
        default_lease_ttl_seconds: config.default_lease_ttl,
        max_lease_ttl_seconds: config.max_lease_ttl,
      };
      return {
        id,
        inputs: readInputs(inputs, asConfigured(flat, state), state),
        outputs: { accessor: data.accessor },
      };
    },
    async update(id, state, values, call) {
      const { description = "", options = {} } = values;
      const body = { ...settings(values), options, description };
      await vault().request("POST", `sys/mounts/${id}/tune`, call, body);
      return { accessor: state.accessor };
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", `sys/mounts/${id}`, call);
    },
  };
}

/** `vault.AuthBackend` (resource_auth_backend.go). Its id is its path. */
function authBackendKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    type: { type: "string", required: true, forceNew: true },
    // By default the type, says the official schema; here it is asked for, so that it is known at preview.
    path: { ...pathPart, required: true },
    description: { type: "string" },
    disableRemount: unimplemented("a changed path is refused"),
    identityTokenKey: unimplemented(enterprise),
    local: unimplemented(enterprise),
    namespace: unimplemented(enterprise),
    tune: unimplemented(),
  };
  return {
    token: "vault:index/authBackend:AuthBackend",
    inputs,
    outputs: { accessor: { stable: true } },
    mustReplace: refuseRemount,
    async create(values, call) {
      const path = String(values.path);
      const { type, description = "" } = values;
      await vault().request("POST", `sys/auth/${path}`, call, { type, description });
      const made = await readMount(vault(), `sys/mounts/auth/${path}`, call);
      return { id: path, outputs: { accessor: made?.accessor } };
    },
    async read(id, state, call) {
      const data = await readMount(vault(), `sys/mounts/auth/${id}`, call);
      return data === undefined
        ? undefined
        : {
            id,
            inputs: readInputs(inputs, { ...data, path: id }, state),
            outputs: { accessor: data.accessor },
          };
    },
    async update(id, state, values, call) {
      await describeAuth(vault(), id, values, call);
      return { accessor: state.accessor };
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", `sys/auth/${id}`, call);
    },
  };
}

/** `vault.Audit` (resource_audit.go): every change replaces. */
function auditKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    type: { type: "string", required: true, forceNew: true },
    path: { ...pathPart, required: true, forceNew: true },
    description: { type: "string", forceNew: true },
    options: { type: "map", of: { type: "string" }, required: true, forceNew: true },
    local: unimplemented(enterprise),
    namespace: unimplemented(enterprise),
  };
  return {
    token: "vault:index/audit:Audit",
    inputs,
    outputs: {},
    async create(values, call) {
      const path = String(values.path);
      const { type, description = "", options } = values;
      await vault().request("PUT", `sys/audit/${path}`, call, { type, description, options });
      return { id: path, outputs: {} };
    },
    async read(id, state, call) {
      const all = await vault().request("GET", "sys/audit", call);
      const data = all?.[`${id}/`];
      return isObject(data)
        ? { id, inputs: readInputs(inputs, { ...data, path: id }, state), outputs: {} }
        : undefined;
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", `sys/audit/${id}`, call);
    },
  };
}

type Surroundings = Parameters<VaultClient["request"]>[2];

/** A mount's own entry; undefined when there is none (GetMount in mountutil.go). */
export async function readMount(
  vault: VaultClient,
  path: string,
  call: Surroundings,
): Promise<Values | undefined> {
  try {
    return await vault.request("GET", path, call);
  } catch (error) {
    const absent = /No secret engine mount at|No auth engine at/;
    if (
      error instanceof VaultError &&
      error.status === 400 &&
      error.reasons.some((one) => absent.test(one))
    ) {
      return undefined;
    }
    throw error;
  }
}

/** Sets an auth method's description, the only thing of it that is tuned here. */
export async function describeAuth(
  vault: VaultClient,
  path: string,
  values: Values,
  call: Surroundings,
): Promise<void> {
  const { description = "" } = values;
  await vault.request("POST", `sys/mounts/auth/${path}/tune`, call, { description });
}

/** The official provider moves a mount to its new path. Replacing it instead would delete what it holds. */
export function refuseRemount(state: Values, inputs: Values): string[] {
  if (state.path !== undefined && inputs.path !== state.path) {
    throw new Error(`path cannot change from ${state.path}: this stand-in does not move what is mounted`);
  }
  return [];
}

/** Vault reports kv-v2 as kv with a version among its options (readMount in resource_mount.go). */
function asConfigured(data: Values, state: Values): Values {
  const options = isObject(data.options) ? data.options : {};
  if (state.type !== "kv-v2" || data.type !== "kv" || options.version !== "2") {
    return data;
  }
  const { version, ...others } = options;
  const given = isObject(state.options) && state.options.version !== undefined;
  return { ...data, type: "kv-v2", options: given ? { ...others, version } : others };
}
