import type { Property, ResourceKind } from "../common/kinds";
import type { VaultClient } from "./client";
import { enterprise, pathPart, readInputs, tokenProperties, unimplemented, writeBody } from "./fields";

const role: Record<string, Property> = {
  bindSecretId: { type: "boolean", default: true },
  secretIdBoundCidrs: { type: "list", of: { type: "string" } },
  secretIdNumUses: { type: "integer" },
  secretIdTtl: { type: "integer" },
  ...tokenProperties,
};

/** `vault.appRole.AuthBackendRole` (resource_approle_auth_backend_role.go). Its id is its path. */
export function appRoleKind(vault: () => VaultClient): ResourceKind {
  const inputs: Record<string, Property> = {
    backend: { ...pathPart, default: "approle", forceNew: true },
    roleName: { ...pathPart, required: true, forceNew: true },
    // Vault makes one up where none is given; here it is asked for, so that it is known at preview.
    roleId: { type: "string", required: true },
    ...role,
    localSecretIds: unimplemented(enterprise),
    namespace: unimplemented(enterprise),
  };
  return {
    token: "vault:appRole/authBackendRole:AuthBackendRole",
    inputs,
    outputs: {},
    async create(values, call) {
      const path = `auth/${values.backend}/role/${values.roleName}`;
      await vault().request("PUT", path, call, writeBody(role, values));
      await vault().request("PUT", `${path}/role-id`, call, { role_id: values.roleId });
      return { id: path, outputs: {} };
    },
    async read(id, state, call) {
      const data = await vault().request("GET", id, call);
      const named = data && (await vault().request("GET", `${id}/role-id`, call));
      const [, backend, roleName] = /^auth\/(.+)\/role\/(.+)$/.exec(id) ?? [];
      return data === undefined || named === undefined
        ? undefined
        : {
            id,
            inputs: { backend, roleName, roleId: named.role_id, ...readInputs(role, data, state) },
            outputs: {},
          };
    },
    async update(id, state, values, call) {
      await vault().request("PUT", id, call, writeBody(role, values, state));
      if (values.roleId !== state.roleId) {
        await vault().request("PUT", `${id}/role-id`, call, { role_id: values.roleId });
      }
      return {};
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", id, call);
    },
  };
}
