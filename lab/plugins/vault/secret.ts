import type { Property, ResourceKind, Values } from "../common/kinds";
import { isObject, same } from "../common/values";
import type { Surroundings, VaultClient } from "./client";
import { enterprise, pathPart, unimplemented } from "./fields";

const writeOnly = unimplemented("write-only properties need the official plugin; use dataJson");

/** `vault.kv.SecretV2` (resource_kv_secret_v2.go). Its id and path are `<mount>/data/<name>`. */
export function secretV2Kind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    mount: { ...pathPart, required: true, forceNew: true },
    name: { ...pathPart, required: true, forceNew: true },
    dataJson: { type: "string", required: true, secret: true, validate: isJsonObject },
    deleteAllVersions: { type: "boolean", default: false },
    disableRead: { type: "boolean", default: false },
    cas: unimplemented(),
    customMetadata: unimplemented(),
    dataJsonWo: writeOnly,
    dataJsonWoVersion: writeOnly,
    namespace: unimplemented(enterprise),
    options: unimplemented(),
  };
  const write = async (values: Values, call: Surroundings): Promise<Values> => {
    const path = `${values.mount}/data/${values.name}`;
    const data: unknown = JSON.parse(String(values.dataJson));
    await vault().request("PUT", path, call, { data, options: {} });
    const read = values.disableRead === true ? undefined : await readMetadata(vault(), path, call);
    return { path, metadata: read ?? {}, data: {} };
  };
  return {
    token: "vault:kv/secretV2:SecretV2",
    inputs,
    // `data` is deprecated and always empty, there too; it stays secret.
    outputs: { path: { stable: true }, metadata: {}, data: { secret: true } },
    async create(values, call) {
      const outputs = await write(values, call);
      return { id: String(outputs.path), outputs };
    },
    async read(id, state, call) {
      if (state.dataJson === undefined) {
        throw new Error(`vault:kv/secretV2:SecretV2 ${id} cannot be imported: its data is not read`);
      }
      const known = Object.fromEntries(Object.entries(state).filter(([name]) => name in inputs));
      if (state.disableRead === true) {
        return { id, inputs: known, outputs: { path: id, metadata: {}, data: {} } };
      }
      // As there, the data itself is not compared: that a version exists is all that is asked.
      const metadata = await readMetadata(vault(), id, call);
      return metadata && { id, inputs: known, outputs: { path: id, metadata, data: {} } };
    },
    update: (_id, _state, values, call) => write(values, call),
    async delete(_id, state, call) {
      const part = state.deleteAllVersions === true ? "metadata" : "data";
      await vault().request("DELETE", `${state.mount}/${part}/${state.name}`, call);
    },
  };
}

/** `vault.kv.Secret` (resource_kv_secret.go): a secret of version 1. Its id is its path. */
export function secretKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    path: { ...pathPart, required: true, forceNew: true },
    dataJson: { type: "string", required: true, secret: true, validate: isJsonObject },
    namespace: unimplemented(enterprise),
  };
  const write = async (values: Values, call: Surroundings): Promise<Values> => {
    const data: unknown = JSON.parse(String(values.dataJson));
    await vault().request("PUT", String(values.path), call, data as Values);
    return { data };
  };
  return {
    token: "vault:kv/secret:Secret",
    inputs,
    outputs: { data: { secret: true } },
    create: async (values, call) => ({ id: String(values.path), outputs: await write(values, call) }),
    async read(id, state, call) {
      const data = await vault().request("GET", id, call);
      // Only what is there counts, not how it was written down.
      const unchanged = state.dataJson !== undefined && same(JSON.parse(String(state.dataJson)), data);
      const dataJson = unchanged ? state.dataJson : JSON.stringify(data);
      return data && { id, inputs: { path: id, dataJson }, outputs: { data } };
    },
    update: (_id, _state, values, call) => write(values, call),
    async delete(id, _state, call) {
      await vault().request("DELETE", id, call);
    },
  };
}

/** The newest version's metadata as texts (serializeDataMapToString); undefined when it is gone or deleted. */
async function readMetadata(
  vault: VaultClient,
  path: string,
  call: Surroundings,
): Promise<Values | undefined> {
  const read = await vault.request("GET", path, call);
  if (!isObject(read?.metadata)) {
    return undefined;
  }
  const texts = Object.entries(read.metadata).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(texts);
}

function isJsonObject(value: unknown): string | undefined {
  try {
    return isObject(JSON.parse(String(value))) ? undefined : "must be a JSON object";
  } catch {
    return "must be a JSON object";
  }
}
