import type { Property, ResourceKind, Values } from "../common/kinds";
import { isObject } from "../common/values";
import type { VaultClient } from "./client";
import { enterprise, pathPart, readInputs, tokenProperties, unimplemented, writeBody } from "./fields";
import { describeAuth, readMount, refuseRemount } from "./mounts";

const oidc = "only the type jwt is implemented";
const onlyJwt: Property = {
  type: "string",
  validate: (value) => (value === "jwt" ? undefined : `is "${value}", but ${oidc}`),
};

/** What the method's configuration holds (matchingJwtMountConfigOptions); all of it is written every time. */
const configuration: Record<string, Property> = {
  jwksUrl: { type: "string" },
  jwksCaPem: { type: "string" },
  jwtValidationPubkeys: { type: "list", of: { type: "string" } },
  boundIssuer: { type: "string" },
  jwtSupportedAlgs: { type: "list", of: { type: "string" } },
  defaultRole: { type: "string" },
  namespaceInState: { type: "boolean", default: true },
};

/** `vault.jwt.AuthBackend` (resource_jwt_auth_backend.go). Its id is its path. */
export function jwtAuthBackendKind(vault: () => VaultClient): ResourceKind {
  const mount: Record<string, Property> = {
    path: { ...pathPart, default: "jwt" },
    type: { ...onlyJwt, default: "jwt", forceNew: true },
    description: { type: "string" },
  };
  const refused: Record<string, Property> = {
    disableRemount: unimplemented("a changed path is refused"),
    jwksPairs: unimplemented("use jwksUrl and jwksCaPem"),
    local: unimplemented(enterprise),
    namespace: unimplemented(enterprise),
    oidcClientId: unimplemented(oidc),
    oidcClientSecret: unimplemented(oidc),
    oidcClientSecretWo: unimplemented(oidc),
    oidcClientSecretWoVersion: unimplemented(oidc),
    oidcDiscoveryCaPem: unimplemented(oidc),
    oidcDiscoveryUrl: unimplemented("use jwksUrl"),
    oidcResponseMode: unimplemented(oidc),
    oidcResponseTypes: unimplemented(oidc),
    providerConfig: unimplemented(oidc),
    tune: unimplemented(),
  };
  return {
    token: "vault:jwt/authBackend:AuthBackend",
    inputs: { ...mount, ...configuration, ...refused },
    outputs: { accessor: { stable: true } },
    mustReplace: refuseRemount,
    check({ jwksUrl, jwtValidationPubkeys }) {
      return (jwksUrl === undefined) === (jwtValidationPubkeys === undefined)
        ? [
            {
              property: "jwksUrl",
              reason:
                "vault:jwt/authBackend:AuthBackend needs either jwksUrl or jwtValidationPubkeys, and not both",
            },
          ]
        : [];
    },
    async create(values, call) {
      const path = String(values.path);
      const { type, description = "" } = values;
      await vault().request("POST", `sys/auth/${path}`, call, { type, description });
      try {
        await vault().request("PUT", `auth/${path}/config`, call, writeBody(configuration, values));
      } catch (error) {
        // Or the next run would find the path taken by a method that no state knows. The first error counts.
        await vault()
          .request("DELETE", `sys/auth/${path}`, call)
          .catch(() => undefined);
        throw error;
      }
      const made = await readMount(vault(), `sys/mounts/auth/${path}`, call);
      return { id: path, outputs: { accessor: made?.accessor } };
    },
    async read(id, state, call) {
      const entry = await readMount(vault(), `sys/mounts/auth/${id}`, call);
      const config = entry && (await vault().request("GET", `auth/${id}/config`, call));
      if (entry === undefined || config === undefined) {
        return undefined;
      }
      const data = { ...config, path: id, type: entry.type, description: entry.description };
      return {
        id,
        inputs: readInputs({ ...mount, ...configuration }, data, state),
        outputs: { accessor: entry.accessor },
      };
    },
    async update(id, state, values, call) {
      const body = writeBody(configuration, values, state);
      await vault().request("PUT", `auth/${id}/config`, call, body);
      if (values.description !== state.description) {
        await describeAuth(vault(), id, values, call);
      }
      return { accessor: state.accessor };
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", `sys/auth/${id}`, call);
    },
  };
}

const role: Record<string, Property> = {
  roleType: { ...onlyJwt, required: true, forceNew: true },
  boundAudiences: { type: "list", of: { type: "string" } },
  userClaim: { type: "string", required: true },
  userClaimJsonPointer: { type: "boolean", default: false },
  boundSubject: { type: "string" },
  boundClaims: { type: "map", of: { type: "string" } },
  boundClaimsType: { type: "string", default: "string" },
  claimMappings: { type: "map", of: { type: "string" } },
  clockSkewLeeway: { type: "integer", default: 0 },
  expirationLeeway: { type: "integer", default: 0 },
  notBeforeLeeway: { type: "integer", default: 0 },
  ...tokenProperties,
};

/** `vault.jwt.AuthBackendRole` (resource_jwt_auth_backend_role.go). Its id is its path. */
export function jwtRoleKind(vault: () => VaultClient): ResourceKind {
  const identity: Record<string, Property> = {
    backend: { ...pathPart, default: "jwt", forceNew: true },
    roleName: { ...pathPart, required: true, forceNew: true },
  };
  const refused: Record<string, Property> = {
    allowedRedirectUris: unimplemented(oidc),
    disableBoundClaimsParsing: unimplemented(),
    groupsClaim: unimplemented(),
    maxAge: unimplemented(oidc),
    namespace: unimplemented(enterprise),
    oidcScopes: unimplemented(oidc),
    verboseOidcLogging: unimplemented(oidc),
  };
  const body = (values: Values, state?: Values): Values => ({
    ...writeBody(role, values, state),
    bound_audiences: values.boundAudiences ?? [],
    bound_claims: splitClaims(values.boundClaims),
  });
  return {
    token: "vault:jwt/authBackendRole:AuthBackendRole",
    inputs: { ...identity, ...role, ...refused },
    outputs: {},
    async create(values, call) {
      const path = `auth/${values.backend}/role/${values.roleName}`;
      await vault().request("PUT", path, call, body(values));
      return { id: path, outputs: {} };
    },
    async read(id, state, call) {
      const data = await vault().request("GET", id, call);
      const [, backend, roleName] = /^auth\/(.+)\/role\/(.+)$/.exec(id) ?? [];
      if (data === undefined) {
        return undefined;
      }
      const read = readInputs(role, { ...data, bound_claims: joinClaims(data.bound_claims) }, state);
      return { id, inputs: { backend, roleName, ...read }, outputs: {} };
    },
    async update(id, state, values, call) {
      await vault().request("PUT", id, call, body(values, state));
      return {};
    },
    async delete(id, _state, call) {
      await vault().request("DELETE", id, call);
    },
  };
}

/** The official provider takes a comma for "or" (jwtAuthBackendRoleDataToWrite). */
function splitClaims(claims: unknown): Values {
  const entries = Object.entries(isObject(claims) ? claims : {});
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      String(value)
        .split(",")
        .map((v) => v.trim()),
    ]),
  );
}

function joinClaims(claims: unknown): Values {
  const entries = Object.entries(isObject(claims) ? claims : {});
  return Object.fromEntries(
    entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : String(value)]),
  );
}
