import type { Call, Property, ProviderKind, Values } from "../common/kinds";
import { containsUnknown } from "../common/values";
import { VaultClient, type VaultConfig } from "./client";
import { resourceKinds } from "./resources";

/**
 * The provider's configuration, by provider.go and meta.go of terraform-provider-vault 5.8, of which pulumi-vault
 * 7.8.0 is made. The official provider also reads VAULT_ADDR, VAULT_TOKEN and the like from the environment; the
 * stand-in reads nothing from there.
 */
const otherLogins = [
  "authLoginAws",
  "authLoginAzure",
  "authLoginCert",
  "authLoginGcp",
  "authLoginJwt",
  "authLoginKerberos",
  "authLoginOci",
  "authLoginOidc",
  "authLoginRadius",
  "authLoginTokenFile",
  "authLoginUserpass",
];

const enterprise = "namespaces are Vault Enterprise's";

const config: Record<string, Property> = {
  address: { type: "string", required: true, validate: isHttpsAddress },
  token: { type: "string", secret: true },
  authLogin: {
    type: "object",
    secret: true,
    fields: {
      path: { type: "string", required: true },
      parameters: { type: "map", of: { type: "string" }, default: {} },
      method: { type: "string", unimplemented: "only AWS needs it" },
      namespace: { type: "string", unimplemented: enterprise },
      useRootNamespace: { type: "boolean", unimplemented: enterprise },
    },
  },
  ...Object.fromEntries(
    otherLogins.map((name) => [name, { type: "any", unimplemented: "use authLogin" } satisfies Property]),
  ),
  caCertFile: { type: "string" },
  caCertDir: { type: "string", unimplemented: "use caCertFile" },
  tlsServerName: { type: "string" },
  skipTlsVerify: {
    type: "boolean",
    validate: (value) =>
      value === true ? "must not be true: Vault's certificate is always verified" : undefined,
  },
  clientAuth: { type: "any", unimplemented: "Vault asks nobody for a client certificate here" },
  headers: { type: "any", unimplemented: "no request here needs one" },
  namespace: { type: "string", unimplemented: enterprise },
  setNamespaceFromToken: { type: "boolean", unimplemented: enterprise },
  skipChildToken: {
    type: "boolean",
    required: true,
    validate: (value) => (value === true ? undefined : "must be true: this stand-in makes no child token"),
  },
  skipGetVaultVersion: { type: "boolean" },
  // The SDK always sends these two. A child token alone would make something of the first.
  maxLeaseTtlSeconds: { type: "integer" },
  maxRetries: {
    type: "integer",
    default: 2,
    validate: (value) => (Number(value) >= 0 && Number(value) <= 100 ? undefined : "must be from 0 to 100"),
  },
  maxRetriesCcc: { type: "integer", unimplemented: "client controlled consistency is Vault Enterprise's" },
  tokenName: { type: "string", unimplemented: "this stand-in makes no child token" },
  vaultVersionOverride: { type: "string", unimplemented: "this stand-in asks for no version" },
  addAddressToEnv: { type: "string", unimplemented: "this stand-in runs no token helper" },
};

/** Describes the plugin; `connect` makes the client out of the configuration, at most once. */
export function vaultProvider(connect = (settings: VaultConfig) => new VaultClient(settings)): ProviderKind {
  let client: VaultClient | undefined;
  const current = (): VaultClient => {
    if (client === undefined) {
      throw new Error("the vault provider's configuration is not known yet");
    }
    return client;
  };
  return {
    name: "vault",
    version: "7.8.0",
    config,
    resources: resourceKinds(current),
    async configure(settings: Values, _call: Call): Promise<void> {
      // At preview the address or the login may come from what does not exist yet.
      client = containsUnknown(settings) ? undefined : connect(settings as unknown as VaultConfig);
      if (client !== undefined && settings.token === undefined && settings.authLogin === undefined) {
        throw new Error("the vault provider needs a token or an authLogin");
      }
    },
  };
}

function isHttpsAddress(value: unknown): string | undefined {
  const text = String(value);
  if (!URL.canParse(text) || new URL(text).protocol !== "https:") {
    return "must be an https:// address";
  }
  const { pathname, search, username } = new URL(text);
  return pathname === "/" && search === "" && username === ""
    ? undefined
    : "must be https://host:port and no more";
}
