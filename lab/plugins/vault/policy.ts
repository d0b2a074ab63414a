import type { Property, ResourceKind } from "../common/kinds";
import type { VaultClient } from "./client";
import { enterprise, pathPart, readInputs, unimplemented } from "./fields";

/** `vault.Policy` (resource_policy.go). Its id is its name; writing over an existing policy is allowed there too. */
export function policyKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    name: { ...pathPart, required: true, forceNew: true },
    policy: { type: "string", required: true },
    namespace: unimplemented(enterprise),
  };
  return {
    token: "vault:index/policy:Policy",
    inputs,
    outputs: {},
    async create(values, call) {
      const { name, policy } = values;
      await vault().request("PUT", `sys/policies/acl/${name}`, call, { policy });
      return { id: String(name), outputs: {} };
    },
    async read(id, state, call) {
      const data = await vault().request("GET", `sys/policies/acl/${id}`, call);
      return data === undefined ? undefined : { id, inputs: readInputs(inputs, data, state), outputs: {} };
    },
    async update(id, _state, { policy }, call) {
      await vault().request("PUT", `sys/policies/acl/${id}`, call, { policy });
      return {};
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", `sys/policies/acl/${id}`, call);
    },
  };
}
