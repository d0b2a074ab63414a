import { secret, unknown } from "../engine";
import { type Cases, issued, local, none, provider, remote, root, rootKey } from "./resources";

export const trust: Readonly<Record<string, Cases>> = {
  "ca-roots-protected": {
    pass: [
      { resources: [root({}, { protect: true }), rootKey(true)] },
      { resources: [root(), rootKey(false)], stack: "dev" },
      { resources: [root({ isCaCertificate: false })] },
    ],
    fail: [
      { resources: [root(), rootKey(true)], says: "consul-root: this root certificate is not protected" },
      { resources: [root({}, { protect: true }), rootKey(false)], says: "consul-root-key: this root's key" },
    ],
    unknown: [{ resources: [root({ isCaCertificate: unknown })] }],
    notApplicable: none,
  },
  "certificate-lifetimes": {
    pass: [{ resources: [root()] }, { resources: [issued()] }],
    fail: [
      { resources: [root({ validityPeriodHours: 24 })], says: "less than 17532" },
      { resources: [root({ validityPeriodHours: 876_600 })], says: "more than 131490" },
      { resources: [issued({ validityPeriodHours: 87_660 })], says: "issuing certificate" },
      {
        resources: [issued({ isCaCertificate: false, validityPeriodHours: 87_660 })],
        says: "this certificate lives",
      },
      { resources: [issued({ earlyRenewalHours: undefined })], says: "earlyRenewalHours is not set" },
      { resources: [issued({ earlyRenewalHours: 17_532 })], says: "is not less than its life" },
    ],
    unknown: [{ resources: [root({ validityPeriodHours: unknown })] }],
    notApplicable: none,
  },
  "key-strength": {
    pass: [
      { resources: [rootKey(false)] },
      { resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: "ED25519" } }] },
      {
        resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: "RSA", rsaBits: 4096 } }],
      },
      {
        resources: [
          { type: "vault:pkiSecret/secretBackendRole:SecretBackendRole", props: { keyType: "ec" } },
        ],
      },
    ],
    fail: [
      {
        resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: "RSA" } }],
        says: "rsaBits is 2048",
      },
      {
        resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: "ECDSA" } }],
        says: "P224",
      },
      { resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: "DSA" } }], says: "DSA" },
      {
        resources: [{ type: "vault:pkiSecret/secretBackendRole:SecretBackendRole", props: {} }],
        says: "2048",
      },
      {
        resources: [
          { type: "vault:pkiSecret/secretBackendRole:SecretBackendRole", props: { keyType: "any" } },
        ],
        says: "any",
      },
    ],
    unknown: [{ resources: [{ type: "tls:index/privateKey:PrivateKey", props: { algorithm: unknown } }] }],
    notApplicable: none,
  },
  "tls-verified": {
    pass: [
      { resources: [provider("vault", { address: "https://203.0.113.4:8200", skipTlsVerify: "false" })] },
      { resources: [remote({ create: "curl --cacert ca.pem https://a -o b" })] },
    ],
    fail: [
      { resources: [provider("vault", { skipTlsVerify: "true" })], says: "skipTlsVerify is true" },
      { resources: [provider("openstack", { insecure: true })], says: "insecure is true" },
      { resources: [provider("vault", { address: "http://203.0.113.4:8200" })], says: "http" },
      {
        resources: [{ type: "vault:jwt/authBackend:AuthBackend", props: { jwksUrl: "http://nomad:4646" } }],
        says: "jwksUrl",
      },
      {
        resources: [remote({ create: "curl -fsSk https://a | sh" })],
        says: "create switches verification off",
      },
      {
        resources: [local({ environment: { VAULT_SKIP_VERIFY: "1" } })],
        says: "environment.VAULT_SKIP_VERIFY",
      },
      { resources: [local({ create: "ssh -o StrictHostKeyChecking=no a" })], says: "StrictHostKeyChecking" },
    ],
    unknown: [
      { resources: [provider("vault", { skipTlsVerify: unknown })] },
      { resources: [remote({ create: unknown })] },
    ],
    notApplicable: [],
  },
  "host-keys": {
    pass: [{ resources: [remote()] }],
    fail: [
      {
        resources: [remote({ connection: secret({ host: "a" }) })],
        says: "connection of this command has no hostKey",
      },
      {
        resources: [remote({ connection: { host: "a", hostKey: "k", proxy: { host: "b" } } })],
        says: "connection.proxy of this command has no hostKey",
      },
      {
        resources: [
          { type: "command:remote:CopyToRemote", props: { connection: { host: "a", hostKey: "" } } },
        ],
        says: "no hostKey",
      },
    ],
    unknown: [{ resources: [remote({ connection: secret(unknown) })] }],
    notApplicable: none,
  },
};
