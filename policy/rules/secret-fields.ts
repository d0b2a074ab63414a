import { remoteCommands } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const connection = ["privateKey", "password", "privateKeyPassword"].flatMap((name) => [
  `connection.${name}`,
  `connection.proxy.${name}`,
]);

/** Properties that are secrets by what they are. */
const fields: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(remoteCommands.map((type) => [type, connection])),
  "linode:index/instance:Instance": ["rootPass", "stackscriptData"],
  "linode:index/nodeBalancerConfig:NodeBalancerConfig": ["sslKey"],
  "openstack:compute/instance:Instance": ["adminPass"],
  "tls:index/selfSignedCert:SelfSignedCert": ["privateKeyPem"],
  "tls:index/certRequest:CertRequest": ["privateKeyPem"],
  "tls:index/locallySignedCert:LocallySignedCert": ["caPrivateKeyPem"],
  "vault:kv/secretV2:SecretV2": ["dataJson"],
  "vault:kv/secret:Secret": ["dataJson"],
  "vault:generic/secret:Secret": ["dataJson"],
  "vault:appRole/authBackendRoleSecretId:AuthBackendRoleSecretId": ["secretId"],
  "vault:consul/secretBackend:SecretBackend": ["token", "clientKey"],
  "vault:nomad/secretBackend:SecretBackend": ["token", "clientKey"],
  "pulumi:providers:vault": ["token", "authLogin", "authLoginUserpass", "authLoginJwt", "clientAuth"],
  "pulumi:providers:linode": ["token", "objSecretKey"],
  "pulumi:providers:openstack": ["password", "token", "applicationCredentialSecret", "key"],
  "pulumi:providers:nomad": ["secretId", "keyPem"],
  "pulumi:providers:consul": ["token", "keyPem"],
};

export const secretFields: Rule = {
  name: "secret-fields",
  what: "Keys, tokens and passwords of connections, providers and secrets are marked as secret.",
  why: "What is not marked lies in clear in the state, in previews and in the logs of whoever runs them.",
  remediation: "Wrap the value in pulumi.secret, or take it from a secret output or config value.",
  severity: "critical",
  level: "mandatory",
  types: Object.keys(fields),
  resource({ type, props }, { violation, each }) {
    each(fields[type] ?? [], (path) => {
      if (!props.has(path)) return;
      if (!props.isSecret(path)) violation(`${path} is not marked as secret`);
    });
  },
};
