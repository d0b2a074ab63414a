import type { PlanFragment, PlannedFile, PlannedUnit } from "../../../components/provisioning/plan";
import type { ConsulAgent } from "../../../components/roles/consul";
import type { Leaf } from "../../../components/roles/leaf";
import type { NomadClientPlan, NomadServerPlan } from "../../../components/roles/nomad";
import type { SupportPlan } from "../../../components/roles/support";
import type { VaultServerPlan } from "../../../components/roles/vault";

/** Machines of both families, as roles are told of them. Every secret says that it is one. */

export const addresses = {
  ipv6: ["fd00:1ab::11", "fd00:1ab::12", "fd00:1ab::13"],
  ipv4: ["198.51.100.11", "198.51.100.12", "198.51.100.13"],
} as const;
export type Family = keyof typeof addresses;

export function leaf(service: string): Leaf {
  return {
    profile: "dev-control-a-1f2e3d4c",
    authKey: "SECRET-signer-key",
    commonName: "dev-control-a-1f2e3d4c.node.consul",
    dnsNames: ["localhost", "dev-control-a-1f2e3d4c.node.consul"],
    ipAddresses: ["127.0.0.1", "::1", addresses.ipv4[0], addresses.ipv6[0]],
    caPem: `root of ${service}\n`,
    issuingPem: `issuing of ${service}\n`,
  };
}

export function consulServer(family: Family = "ipv6"): ConsulAgent {
  return {
    ...consulClient(family),
    expect: 3,
    raftMultiplier: 1,
    managementToken: "SECRET-management-token",
  };
}

export function consulClient(family: Family = "ipv6"): Omit<ConsulAgent, "expect" | "raftMultiplier"> {
  return {
    node: "dev-control-a-1f2e3d4c",
    datacenter: "dc1",
    version: "1.21.0",
    address: addresses[family][0],
    servers: addresses[family],
    gossipKey: "SECRET-gossip-key",
    agentToken: "SECRET-agent-token",
    dnsToken: "SECRET-dns-token",
    leaf: leaf("consul"),
  };
}

export function vaultServer(family: Family = "ipv6"): VaultServerPlan {
  return {
    node: "dev-control-a-1f2e3d4c",
    cluster: "dev",
    version: "1.21.1",
    address: addresses[family][0],
    servers: addresses[family],
    performanceMultiplier: 1,
    unsealerUrl: family === "ipv6" ? "https://[fd00:1ab::2]:8210" : "https://198.51.100.2:8210",
    unsealerServerName: "support.dev.internal",
    unsealerToken: "SECRET-unsealer-token",
    supportCaPem: "root of support\n",
    consulToken: "SECRET-consul-token",
    leaf: leaf("vault"),
  };
}

function nomadAgent(family: Family) {
  return {
    node: "dev-control-a-1f2e3d4c",
    region: "global",
    datacenter: "dc1",
    version: "1.11.1",
    address: addresses[family][0],
    servers: addresses[family],
    consulToken: "SECRET-consul-token",
    leaf: leaf("nomad"),
  };
}

export function nomadServer(family: Family = "ipv6"): NomadServerPlan {
  return { ...nomadAgent(family), expect: 3, raftMultiplier: 1, gossipKey: "SECRET-gossip-key" };
}

export function nomadClient(family: Family = "ipv6"): NomadClientPlan {
  return {
    ...nomadAgent(family),
    family,
    nodeClass: "load-balancer",
    networks: ["198.51.100.0/24", "fd00:1ab::/64"],
    others: [...addresses.ipv4, ...addresses.ipv6],
    vaultCaPem: "root of vault\n",
    supportCaPem: "root of support\n",
    memoryMb: 1024,
    cpuMhz: 2000,
  };
}

export function support(family: Family = "ipv6"): SupportPlan {
  const [first, second, third] = addresses[family];
  return {
    consulServers: [first],
    vaultServers: [second],
    nomadServers: [first, third],
    leaf: leaf("support"),
  };
}

/** A fragment's file. */
export function fileOf(fragment: PlanFragment, path: string): PlannedFile {
  const found = fragment.files?.find((file) => file.path === path);
  if (!found) throw new Error(`no ${path} is planned`);
  return found;
}

/** A fragment's JSON file, read. */
export function jsonOf(fragment: PlanFragment, path: string): Record<string, unknown> {
  return JSON.parse(fileOf(fragment, path).content) as Record<string, unknown>;
}

/** A fragment's unit. */
export function unitOf(fragment: PlanFragment, name: string): PlannedUnit {
  const found = fragment.units?.find((unit) => unit.name === name);
  if (!found) throw new Error(`no ${name} is planned`);
  return found;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [`== ${title}`, ...lines, ""] : [];
}

function notified(to: { notifies?: PlannedFile["notifies"] }): string {
  const all = (to.notifies ?? []).map(({ unit, action }) => `${action} ${unit}`);
  return all.length > 0 ? `  -> ${all.join(", ")}` : "";
}

/** A fragment as text for a reviewer: files with their owner and mode, whole. */
export function planText(fragment: PlanFragment): string {
  return [
    ...section("packages", fragment.packages ?? []),
    ...section(
      "users",
      (fragment.users ?? []).map(({ name, home }) => `${name} ${home}`),
    ),
    ...section(
      "directories",
      (fragment.directories ?? []).map((d) => `${d.mode} ${d.owner}:${d.group} ${d.path}`),
    ),
    ...section(
      "programs",
      (fragment.programs ?? []).map(({ name, version }) => `${name} ${version}`),
    ),
    ...(fragment.files ?? []).flatMap((f) => [
      `== file ${f.mode} ${f.owner}:${f.group} ${f.path}${notified(f)}`,
      f.path.startsWith("/usr/local/lib/hashistack/") ? "as in components/provisioning/machine\n" : f.content,
    ]),
    ...(fragment.certificates ?? []).flatMap((c) => [
      `== certificate ${c.owner}:${c.group} ${c.directory}${notified(c)}`,
      `${c.service}: ${c.commonName} (${[...c.dnsNames, ...c.ipAddresses].join(", ")})`,
      "",
    ]),
    ...(fragment.units ?? []).flatMap((u) => [
      `== unit ${u.name}${u.enable ? " (enabled)" : ""}${u.onChange ? `  -> ${u.onChange}` : ""}`,
      u.content ?? "as its package has it\n",
    ]),
    ...section(
      "checks",
      (fragment.checks ?? []).map((c) => `${c.what}: ${c.kind} ${c.target}, ${c.timeoutSeconds} s`),
    ),
  ].join("\n");
}
