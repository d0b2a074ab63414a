import type { Config } from "../../../../policy/lib/rule";
import { type Given, secret, unknown } from "../engine";

/** For each rule: what passes, what fails, what only `up` will know, and what it is not about. */

export interface Case {
  resources: Given[];
  stack?: string;
  config?: Config;
  /** For those that fail: part of the message. */
  says?: string;
}

export interface Cases {
  pass: Case[];
  fail: Case[];
  /** Rules that need no value to decide, such as an option, have none. */
  unknown: Case[];
  notApplicable: Case[];
}

export const linode = (props: Record<string, unknown> = {}, more: Partial<Given> = {}): Given => ({
  type: "linode:index/instance:Instance",
  name: "control-a",
  props: {
    label: "prod-control-a-1f2e3d4c",
    region: "de-fra-2",
    type: "g6-standard-2",
    image: "private/4711",
    interfaces: [{ purpose: "vpc", subnetId: 3 }],
    firewallId: 7,
    tags: ["prod"],
    ...props,
  },
  ...more,
});
export const nova = (props: Record<string, unknown> = {}, more: Partial<Given> = {}): Given => ({
  type: "openstack:compute/instance:Instance",
  name: "control-a",
  props: { name: "campus-control-a-1f2e3d4c", flavorName: "m1.medium", imageId: "5d5d9f5e", ...props },
  ...more,
});
export const inbound = (props: Record<string, unknown>): Given => ({
  type: "linode:index/firewall:Firewall",
  name: "edge",
  props: {
    label: "prod-edge",
    inboundPolicy: "DROP",
    outboundPolicy: "ACCEPT",
    inbounds: [{ label: "rule", action: "ACCEPT", protocol: "TCP", ...props }],
  },
});
export const ingress = (props: Record<string, unknown>): Given => ({
  type: "openstack:networking/secGroupRule:SecGroupRule",
  props: { direction: "ingress", ethertype: "IPv4", securityGroupId: "g", ...props },
});
export const remote = (props: Record<string, unknown> = {}): Given => ({
  type: "command:remote:Command",
  name: "apply",
  props: {
    create: "sudo -n /usr/bin/python3 -I apply.py create",
    connection: secret({
      host: "198.51.100.4",
      user: "ops",
      privateKey: "KEY",
      hostKey: "ssh-ed25519 AAAA",
      proxy: { host: "203.0.113.4", privateKey: "KEY", hostKey: "ssh-ed25519 AAAA" },
    }),
    stdin: secret("told"),
    ...props,
  },
});
export const local = (props: Record<string, unknown> = {}): Given => ({
  type: "command:local:Command",
  name: "support-a",
  props: {
    interpreter: ["node_modules/.bin/hashistack-lab"],
    create: "create",
    stdin: secret("{}"),
    ...props,
  },
});
export const random: Given = { type: "random:index/randomId:RandomId", props: { byteLength: 4 } };
export const none: Case[] = [{ resources: [random] }];
export const world = ["0.0.0.0/0"];
export const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----\n";

const pinned = `artifact {
        source = var.program.url
        options { checksum = "sha256:\${var.program.sha256}" }
      }`;

export const jobFile = (
  changes: { job?: string; task?: string; config?: string; resources?: string; namespace?: string } = {},
) => `
# A comment with a brace {
variable "namespace" { type = string }
variable "program" {
  type = object({ url = string, sha256 = string })
}
job "web" {
  ${changes.namespace ?? "namespace = var.namespace"}
  ${changes.job ?? ""}
  group "web" {
    task "caddy" {
      driver = "exec"
      config {
        command = "local/caddy"
        args    = ["run", "--config", "/secrets/Caddyfile \\"quoted\\""]
        ${changes.config ?? ""}
      }
      ${changes.task ?? pinned}
      template {
        data = <<-EOT
          job "inner" { privileged = true }
          EOT
      }
      resources { ${changes.resources ?? "cpu = 50\n memory = 64"} }
    }
  }
}
`;
export const bundle = (hcl: string, variables: Record<string, unknown> = { namespace: "web" }): Given =>
  remote({
    stdin: secret(JSON.stringify({ machine: "support-a", input: { hcl, variables, jobId: "web" } })),
  });
export const packed = (hcl: string): Given => {
  const { deflateSync } = require("node:zlib") as typeof import("node:zlib");
  const text = JSON.stringify({ loader: "x", input: { hcl, variables: { namespace: "web" } } });
  return remote({ stdin: secret(deflateSync(text).toString("base64")) });
};
export const nomadJob = (jobspec: unknown, more: Record<string, unknown> = {}): Given => ({
  type: "nomad:index/job:Job",
  name: "web",
  props: { jobspec, ...more },
});
export const jobUnknown: Case[] = [
  { resources: [remote({ stdin: unknown })] },
  { resources: [nomadJob(unknown)] },
];
export const jobNotApplicable: Case[] = none;

export const root = (props: Record<string, unknown> = {}, more: Partial<Given> = {}): Given => ({
  type: "tls:index/selfSignedCert:SelfSignedCert",
  name: "consul-root",
  props: { isCaCertificate: true, validityPeriodHours: 87_660, privateKeyPem: secret("KEY"), ...props },
  from: { privateKeyPem: ["consul-root-key"] },
  ...more,
});
export const rootKey = (protect: boolean): Given => ({
  type: "tls:index/privateKey:PrivateKey",
  name: "consul-root-key",
  props: { algorithm: "ECDSA", ecdsaCurve: "P256" },
  protect,
});
export const issued = (props: Record<string, unknown> = {}): Given => ({
  type: "tls:index/locallySignedCert:LocallySignedCert",
  props: {
    isCaCertificate: true,
    validityPeriodHours: 17_532,
    earlyRenewalHours: 4383,
    caPrivateKeyPem: secret("KEY"),
    ...props,
  },
});
export const server = (kind: string, parent: string): Given => ({
  type: `pulumi-hashistack:index:${kind}`,
  name: `${parent}-${kind}`,
  parent,
});
export const record: Given = {
  type: "openstack:dns/recordSet:RecordSet",
  name: "www",
  props: { name: "www.example.org.", zoneId: "z", records: ["203.0.113.4"] },
};
export const provider = (name: string, props: Record<string, unknown>): Given => ({
  type: `pulumi:providers:${name}`,
  name,
  props,
});
export const groups = { securityGroupIds: ["g"] };
export const port = (props: Record<string, unknown>): Given => ({
  type: "openstack:networking/port:Port",
  name: "control-a-port",
  props: { networkId: "n", ...props },
});
