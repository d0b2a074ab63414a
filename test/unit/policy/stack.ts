import { type Given, secret, unknown } from "./engine";

/**
 * A stack as somebody may have it on Linode: support, three servers, two clients, two load balancers, their filters, an
 * authority, jobs, a record. It keeps to all rules; `broken` is a variant for each, by one unwise change.
 */

/** Another resource's id, which only `up` will know. */
export const idOf = (name: string) => ({ $id: name });

const instance = (name: string, props: Record<string, unknown> = {}, protect = false): Given => ({
  type: "linode:index/instance:Instance",
  name,
  protect,
  props: {
    label: `prod-${name}-1f2e3d4c`,
    region: "de-fra-2",
    type: "g6-standard-2",
    image: "private/4711",
    interfaces: [{ purpose: "vpc", subnetId: idOf("machines") }],
    tags: ["prod"],
    metadatas: [
      { userData: Buffer.from("#cloud-config\ndisable_root: true\nssh_pwauth: false\n").toString("base64") },
    ],
    ...props,
  },
});

const inbound = (label: string, ports: string, ipv4s: string[]) => ({
  ...{ label, ports, ipv4s },
  ...{ action: "ACCEPT", protocol: "TCP" },
});
const members = [
  inbound("members-tcp", "1-65535", ["10.0.0.0/24"]),
  { ...inbound("members-udp", "1-65535", ["10.0.0.0/24"]), protocol: "UDP" },
];
const firewall = (name: string, inbounds: object[], machines: string[]): Given => ({
  type: "linode:index/firewall:Firewall",
  name,
  props: {
    label: `prod-${name}`,
    inboundPolicy: "DROP",
    outboundPolicy: "ACCEPT",
    inbounds: [...members, ...inbounds],
    linodes: machines.map(idOf),
  },
});

const servers = ["control-a", "control-b", "control-c"];
const roles = ["consul-server", "vault-server", "nomad-server"];
const balancers = ["edge-a", "edge-b"];
const isPublic = { interfaces: [{ purpose: "public" }, { purpose: "vpc", subnetId: idOf("machines") }] };

const job = `job "web" {
  namespace = "web"
  group "web" {
    task "caddy" {
      driver = "exec"
      config {
        command = "local/caddy"
      }
      artifact {
        source = "https://198.51.100.2:8443/caddy"
        options {
          checksum = "sha256:5f1d"
        }
      }
      resources {
        cpu    = 50
        memory = 64
      }
    }
  }
}
`;

/** The stack. Anew each time: who breaks it breaks his own. */
export function goodStack(): Given[] {
  return [
    { type: "linode:index/vpc:Vpc", name: "prod", props: { label: "prod", region: "de-fra-2" } },
    {
      type: "linode:index/vpcSubnet:VpcSubnet",
      name: "machines",
      props: { label: "machines", ipv4: "10.0.0.0/24", vpcId: idOf("prod") },
    },
    {
      type: "linode:index/placementGroup:PlacementGroup",
      name: "control",
      props: { label: "prod-control", region: "de-fra-2", placementGroupType: "anti_affinity:local" },
    },
    instance("support-a", { ...isPublic, backupsEnabled: true }, true),
    ...servers.map((name) =>
      instance(name, { tags: ["prod", ...roles], placementGroup: { id: idOf("control") } }),
    ),
    ...["client-a", "client-b"].map((name) => instance(name)),
    ...balancers.map((name) => instance(name, { ...isPublic, tags: ["prod", "load-balancer"] })),
    firewall("support", [inbound("ssh", "22", ["192.0.2.0/24"])], ["support-a"]),
    firewall("edge", [inbound("site", "80, 443", ["0.0.0.0/0"])], balancers),
    firewall("inside", [], [...servers, "client-a", "client-b"]),
    {
      type: "tls:index/privateKey:PrivateKey",
      name: "consul-root-key",
      protect: true,
      props: { algorithm: "ECDSA", ecdsaCurve: "P256" },
    },
    {
      type: "tls:index/selfSignedCert:SelfSignedCert",
      name: "consul-root",
      protect: true,
      props: {
        privateKeyPem: secret("a key"),
        allowedUses: ["cert_signing"],
        isCaCertificate: true,
        validityPeriodHours: 87_660,
      },
    },
    {
      type: "command:remote:Command",
      name: "control-a-apply",
      props: {
        connection: secret({
          ...{ host: "10.0.0.3", user: "ops", privateKey: "a key", hostKey: "ssh-ed25519 AAAA" },
          proxy: { host: "203.0.113.4", privateKey: "a key", hostKey: "ssh-ed25519 AAAA" },
        }),
        create: "sudo -n /usr/bin/python3 -I apply.py create",
        stdin: secret("plan"),
      },
    },
    { type: "nomad:index/job:Job", name: "web", props: { jobspec: job } },
    {
      type: "linode:index/domainRecord:DomainRecord",
      name: "www",
      props: { domainId: 77, name: "www", recordType: "A", target: "203.0.113.7" },
    },
  ];
}

/** What the user allows: with it each rule has something to say. */
export const policyConfig = {
  regions: { allowed: ["de-fra-2"] },
  budget: { monthlyLimit: 200 },
};

type Props = Record<string, unknown>;
type Change = (stack: Given[]) => void;

const propsOf = (stack: Given[], name: string): Props => {
  const found = stack.find((one) => one.name === name);
  if (!found?.props) throw new Error(`there is no ${name}`);
  return found.props;
};
const set =
  (name: string, props: Props): Change =>
  (stack) => {
    Object.assign(propsOf(stack, name), props);
  };
const unprotect =
  (name: string): Change =>
  (stack) => {
    for (const one of stack) if (one.name === name) one.protect = false;
  };
const without =
  (name: string, path: string): Change =>
  (stack) => {
    delete propsOf(stack, name)[path];
  };
const drop =
  (name: string): Change =>
  (stack) => {
    stack.splice(
      stack.findIndex((one) => one.name === name),
      1,
    );
  };
const open =
  (name: string, rule: object): Change =>
  (stack) => {
    (propsOf(stack, name).inbounds as object[]).push(rule);
  };
const inJob =
  (from: string | RegExp, to: string): Change =>
  (stack) => {
    const props = propsOf(stack, "web");
    props.jobspec = String(props.jobspec).replace(from, to);
  };
const key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIA\n-----END EC PRIVATE KEY-----\n";
const host = { host: "10.0.0.3", user: "ops", hostKey: "ssh-ed25519 AAAA" };

/** For each rule an unwise change that a person may make on a bad day. */
export const broken: Readonly<Record<string, Change>> = {
  "no-open-admin-ports": open("support", inbound("ssh-from-home", "22", ["0.0.0.0/0"])),
  "dynamic-ports-inside": open("edge", inbound("debug", "20000-32000", ["192.0.2.0/24"])),
  "default-drop": set("edge", { inboundPolicy: "ACCEPT" }),
  "machines-behind-firewall": set("inside", { linodes: servers.map(idOf) }),
  "no-public-address": set("client-a", isPublic),
  "servers-odd": (stack) => {
    drop("control-c")(stack);
    set("inside", { linodes: ["control-a", "control-b", "client-a", "client-b"].map(idOf) })(stack);
  },
  "servers-spread": without("control-b", "placementGroup"),
  "pet-protected": unprotect("support-a"),
  "pet-backed-up": set("support-a", { backupsEnabled: false }),
  "images-pinned": set("client-a", { image: "linode/arch" }),
  "names-valid": set("client-a", { label: "prod--client-a" }),
  "ca-roots-protected": unprotect("consul-root"),
  "certificate-lifetimes": set("consul-root", { validityPeriodHours: 876_600 }),
  "key-strength": set("consul-root-key", { algorithm: "RSA", ecdsaCurve: undefined }),
  "tls-verified": set("control-a-apply", { create: "curl -k https://198.51.100.2:8443/plan" }),
  "host-keys": set("control-a-apply", {
    connection: secret({ host: "10.0.0.3", user: "ops", privateKey: "a key" }),
  }),
  "secret-fields": set("consul-root", { privateKeyPem: "a key" }),
  "secret-stdin": set("control-a-apply", { stdin: "plan" }),
  "no-clear-secrets": set("www", { recordType: "TXT", target: key }),
  "command-lines-clean": set("control-a-apply", {
    create: "consul acl bootstrap -token=6f9619ff-8b86-d011-b42d",
    connection: secret({ ...host, privateKey: "a key" }),
  }),
  "user-data-clean": set("client-a", {
    metadatas: [{ userData: Buffer.from("#cloud-config\npassword: hunter22\n").toString("base64") }],
  }),
  "no-root-password": set("client-a", { rootPass: secret("hunter22") }),
  "job-artifacts-pinned": inJob(/options \{[^}]*\}/, ""),
  "job-unprivileged": inJob('command = "local/caddy"', "privileged = true"),
  "job-limits": inJob(/memory = 64/, ""),
  "job-namespace": inJob('namespace = "web"', 'namespace = "default"'),
  regions: (stack) => {
    set("client-a", { region: "us-east" })(stack);
  },
  "dns-owner": () => {},
  budget: set("client-a", { type: "g6-dedicated-8" }),
};

/** The stack's name of a variant: only who owns the domain may have its records. */
export const stackOfVariant = (rule: string) => (rule === "dns-owner" ? "blue" : "prod");

/** Resources as rules see them: at preview an id is unknown, at `up` it is a text; either way one knows whose it is. */
export function resolved(stack: readonly Given[], known: boolean): Given[] {
  return stack.map((one) => {
    const from: Record<string, string[]> = {};
    const walk = (value: unknown, top: string): unknown => {
      if (typeof value !== "object" || value === null) return value;
      if (Array.isArray(value)) return value.map((each) => walk(each, top));
      if ("$id" in value) {
        const name = String(value.$id);
        from[top] = [...(from[top] ?? []), name];
        return known ? `id of ${name}` : unknown;
      }
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, top)]));
    };
    const props = Object.fromEntries(
      Object.entries(one.props ?? {})
        .filter(([, value]) => value !== undefined)
        .map(([top, value]) => [top, walk(value, top)]),
    );
    return { ...one, props, from };
  });
}
