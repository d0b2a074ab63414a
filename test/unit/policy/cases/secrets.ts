import { secret, unknown } from "../engine";
import { type Cases, key, linode, local, none, nova, provider, remote, root } from "./resources";

export const secrets: Readonly<Record<string, Cases>> = {
  "secret-fields": {
    pass: [
      { resources: [remote()] },
      { resources: [root()] },
      { resources: [provider("linode", { token: secret("t") })] },
    ],
    fail: [
      {
        resources: [remote({ connection: { host: "a", privateKey: "KEY" } })],
        says: "connection.privateKey is not marked",
      },
      {
        resources: [remote({ connection: { host: "a", proxy: { privateKey: "KEY" } } })],
        says: "connection.proxy.privateKey",
      },
      { resources: [provider("vault", { token: "hvs.x" })], says: "token" },
      { resources: [{ type: "vault:kv/secretV2:SecretV2", props: { dataJson: "{}" } }], says: "dataJson" },
    ],
    unknown: [{ resources: [remote({ connection: { host: "a", privateKey: unknown } })] }],
    notApplicable: none,
  },
  "secret-stdin": {
    pass: [
      { resources: [remote()] },
      { resources: [local({ stdin: undefined, environment: { HOME: "/root" } })] },
    ],
    fail: [
      { resources: [remote({ stdin: "told" })], says: "stdin is not marked" },
      {
        resources: [local({ environment: { CONSUL_HTTP_TOKEN: "x" } })],
        says: "environment.CONSUL_HTTP_TOKEN",
      },
    ],
    unknown: [
      { resources: [remote({ stdin: unknown })] },
      { resources: [local({ environment: { TOKEN: unknown } })] },
    ],
    notApplicable: none,
  },
  "no-clear-secrets": {
    pass: [{ resources: [{ type: "any:index:Thing", props: { a: secret(key), b: { c: "plain" } } }] }],
    fail: [
      {
        resources: [{ type: "any:index:Thing", props: { a: [{ b: key }] } }],
        says: "a[0].b holds a private key in clear",
      },
      {
        resources: [local({ create: "vault login hvs.CAESIJ1234567890abcdefghij" })],
        says: "a token of Vault",
      },
      {
        resources: [{ type: "any:index:Thing", props: { url: "postgres://me:hunter22@db/x" } }],
        says: "a password in an address",
      },
    ],
    unknown: [{ resources: [{ type: "any:index:Thing", props: { a: unknown } }] }],
    notApplicable: [],
  },
  "command-lines-clean": {
    pass: [{ resources: [remote()] }, { resources: [local({ create: 'consul members -token="$TOKEN"' })] }],
    fail: [
      {
        resources: [local({ create: "consul members -token=6f9619ff-8b86-d011" })],
        says: 'the value of "token"',
      },
      { resources: [remote({ update: secret("do it") })], says: "update is made of a secret" },
      { resources: [remote({ create: `echo "${key}"` })], says: "a private key" },
    ],
    unknown: [{ resources: [remote({ create: unknown })] }],
    notApplicable: none,
  },
  "user-data-clean": {
    pass: [
      { resources: [linode()] },
      {
        resources: [
          nova({
            userData: secret(
              `#cloud-config\n${JSON.stringify({ ssh_pwauth: false, lock_passwd: true, ssh_keys: { ecdsa_private: key } }, null, 2)}`,
            ),
          }),
        ],
      },
      {
        resources: [
          linode({
            metadatas: [
              {
                userData: Buffer.from(`#cloud-config\nssh_keys:\n  ecdsa_private: |\n    ${key}`).toString(
                  "base64",
                ),
              },
            ],
          }),
        ],
      },
    ],
    fail: [
      {
        resources: [nova({ userData: secret(`#!/bin/sh\nexport CONSUL_HTTP_TOKEN=6f9619ff-8b86-d011`) })],
        says: "CONSUL_HTTP_TOKEN",
      },
      { resources: [nova({ userData: "#cloud-config\npassword: hunter2\n" })], says: "a password" },
      {
        resources: [
          linode({
            metadatas: [
              {
                userData: Buffer.from(`#cloud-config\nwrite_files:\n- content: |\n    ${key}`).toString(
                  "base64",
                ),
              },
            ],
          }),
        ],
        says: "a private key",
      },
      {
        resources: [nova({ userData: `ssh_keys:\n  ed25519_private: |\n    ${key}` })],
        config: { hostKey: false },
        says: "a private key",
      },
    ],
    unknown: [
      { resources: [nova({ userData: secret(unknown) })] },
      { resources: [linode({ metadatas: [{ userData: unknown }] })] },
    ],
    notApplicable: [{ resources: [local()] }],
  },
  "no-root-password": {
    pass: [{ resources: [linode()] }, { resources: [nova()] }],
    fail: [
      { resources: [linode({ rootPass: secret("x") })], says: "rootPass is set" },
      { resources: [linode({ disks: [{ label: "boot", rootPass: unknown }] })], says: 'the disk "boot"' },
      { resources: [nova({ adminPass: unknown })], says: "adminPass is set" },
    ],
    unknown: [{ resources: [linode({ disks: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
};
