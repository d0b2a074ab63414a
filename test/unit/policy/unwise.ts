import { secret } from "./engine";

/**
 * Unwise changes of the production stack (Pulumi.prod.yaml), one for each rule: legal for the program and its clouds, and what
 * somebody does on a bad day. Plain data, so that the mocks' stack and the one in the engine are broken in the same way.
 */

/** One change: what of one resource is set, or a resource that comes besides. */
export interface Unwise {
  readonly type: string;
  readonly name: string;
  /** What is set; null takes a property away. */
  readonly props?: Readonly<Record<string, unknown>>;
  readonly protect?: boolean;
  /** Whether it is there besides the stack's own. */
  readonly besides?: boolean;
}

const command = (name: string, props: Record<string, unknown>): Unwise => ({
  type: "command:remote:Command",
  name,
  props,
});
const machine = (name: string, props: Record<string, unknown>): Unwise => ({
  type: "linode:index/instance:Instance",
  name,
  props,
});
const opened = (name: string, label: string, ports: string, ipv4s: string[]): Unwise => ({
  type: "linode:index/firewall:Firewall",
  name,
  props: { inbounds: [{ label, ports, ipv4s, action: "ACCEPT", protocol: "TCP" }] },
});
const root = (what: Omit<Unwise, "type" | "name">): Unwise => ({
  type: "tls:index/selfSignedCert:SelfSignedCert",
  name: "consul-root",
  ...what,
});

const host = { host: "10.1.0.9", user: "ops", privateKey: "a key" };
const artifact = `artifact {
        source = "https://198.51.100.2:8443/caddy"
        options { checksum = "sha256:5f1d" }
      }`;
const limits = "resources {\n        cpu = 50\n        memory = 64\n      }";

/** A job that a command is told, with one thing amiss. */
const job = (name: string, { namespace = "web", config = "", rest = `${artifact}\n${limits}` }): Unwise =>
  command(name, {
    stdin: secret(`job "web" {
  namespace = "${namespace}"
  group "web" {
    task "caddy" {
      driver = "docker"
      config {
        image = "caddy:2@sha256:5f1d"
        ${config}
      }
      ${rest}
    }
  }
}
`),
  });

const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----\n";

export const unwise: Readonly<Record<string, Unwise>> = {
  "no-open-admin-ports": opened("admins", "ssh-from-home", "22", ["0.0.0.0/0"]),
  "dynamic-ports-inside": opened("world", "debug", "20000-32000", ["192.0.2.0/24"]),
  "default-drop": {
    type: "linode:index/firewall:Firewall",
    name: "inside",
    props: { inboundPolicy: "ACCEPT" },
  },
  "machines-behind-firewall": machine("client-a", { firewallId: null }),
  "no-public-address": machine("client-b", { tags: ["prod"] }),
  "servers-odd": { type: "pulumi-hashistack:index:ConsulServer", name: "control-d", besides: true },
  "servers-spread": machine("control-b", { placementGroup: null }),
  "pet-protected": { ...machine("support-a", {}), protect: false },
  "pet-backed-up": machine("support-a", { backupsEnabled: false }),
  "images-pinned": machine("client-a", { image: "linode/arch" }),
  "names-valid": machine("client-a", { label: "prod--client-a" }),
  "ca-roots-protected": root({ protect: false }),
  "certificate-lifetimes": root({ props: { validityPeriodHours: 876_600 } }),
  "key-strength": {
    type: "tls:index/privateKey:PrivateKey",
    name: "consul-issuing",
    props: { algorithm: "RSA", ecdsaCurve: null },
  },
  "tls-verified": command("control-a-apply", { create: "curl -k https://198.51.100.2:8443/plan" }),
  "host-keys": command("control-b-apply", { connection: secret(host) }),
  "secret-fields": {
    type: "vault:kv/secretV2:SecretV2",
    name: "site-content",
    props: { dataJson: JSON.stringify({ key: "hunter22" }) },
  },
  "secret-stdin": command("client-a-apply", { stdin: "plan" }),
  "no-clear-secrets": {
    type: "linode:index/domainRecord:DomainRecord",
    name: "site-A-edge-a",
    props: { recordType: "TXT", target: key },
  },
  "command-lines-clean": command("client-b-apply", {
    create: "consul acl bootstrap -token=6f9619ff-8b86-d011-b42d",
  }),
  "user-data-clean": machine("client-c", {
    metadatas: secret([{ userData: Buffer.from("#cloud-config\npassword: hunter22\n").toString("base64") }]),
  }),
  "no-root-password": machine("client-a", { rootPass: secret("hunter22") }),
  "job-artifacts-pinned": job("website", {
    rest: `${artifact.replace(/options \{.*\}/, "")}\n${limits}`,
  }),
  "job-unprivileged": job("client-a-ready", { config: "privileged = true" }),
  "job-limits": job("client-b-ready", { rest: artifact }),
  "job-namespace": job("client-c-ready", { namespace: "default" }),
  regions: machine("client-a", { region: "us-east" }),
  // The same records in another stack's program.
  "dns-owner": { type: "linode:index/domainRecord:DomainRecord", name: "site-A-edge-b", props: {} },
  budget: machine("client-a", { type: "g6-dedicated-8" }),
};

/** What the user allows; without the change the stack keeps to it. */
export const allowed = { regions: { allowed: ["nl-ams"] }, budget: { monthlyLimit: 200 } };

/** The stack's name of a change: only who owns the domain may have its records. */
export const stackOf = (rule: string) => (rule === "dns-owner" ? "blue" : "prod");
