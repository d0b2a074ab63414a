import * as ipaddr from "ipaddr.js";
import { memberAddresses, nodeName } from "./members";
import type { MachineSpec, Member, Service, Topology } from "./model";

/** The names in the machines' certificates, and the names by which clients verify them. */

/** What a leaf certificate says. The common name is one of the DNS names. */
export interface LeafNames {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** For tools' convenience. The signer itself does not check them, its gate does. */
  readonly ipAddresses: readonly string[];
}

/** The name of signer, artifact store and unsealer in support's one certificate. Example: "support.dev.internal". */
export function supportServerName(topology: Pick<Topology, "cluster">): string {
  return `support.${topology.cluster}.internal`;
}

/** The name that each of Consul's servers has in its certificate, and no other machine. Example: "server.dc1.consul". */
export function consulServerName(topology: Pick<Topology, "datacenter">): string {
  return `server.${topology.datacenter}.consul`;
}

/** The name that each of Nomad's servers has in its certificate, and no other machine. Example: "server.global.nomad". */
export function nomadServerName(topology: Pick<Topology, "region">): string {
  return `server.${topology.region}.nomad`;
}

/** The name that each of Vault's servers has in its certificate. */
export const vaultServerName = "vault.service.consul";

/** Where Vault's active server answers, for members. */
export const activeVaultName = "active.vault.service.consul";

/** Where any of Nomad's servers answers, for members. */
export const nomadServiceName = "nomad.service.consul";

/** The services whose certificates a machine needs: Consul's everywhere but on support, which runs no agent. */
export function leafServicesOf(spec: MachineSpec): Service[] {
  if (spec.roles.includes("support")) return ["support"];
  const nomad = spec.roles.includes("nomad-server") || spec.roles.includes("nomad-client");
  return [
    "consul",
    ...(spec.roles.includes("vault-server") ? ["vault" as const] : []),
    ...(nomad ? ["nomad" as const] : []),
  ];
}

/**
 * The names of a machine's certificate of one service.
 * @param service one of `leafServicesOf(member.spec)`
 * @throws Error where the machine does not run the service
 */
export function leafNames(
  member: Member,
  service: Service,
  topology: Pick<Topology, "cluster" | "datacenter" | "region">,
): LeafNames {
  if (!leafServicesOf(member.spec).includes(service)) {
    throw new Error(`${member.spec.name} does not run ${service} and has no certificate of it`);
  }
  const own = service === "support" ? supportServerName(topology) : `${nodeName(member)}.node.consul`;
  return {
    commonName: own,
    dnsNames: ["localhost", ...new Set([own, ...serviceNames(member.spec, service, topology)])],
    ipAddresses: ["127.0.0.1", "::1", ...memberAddresses(member)],
  };
}

function serviceNames(
  spec: MachineSpec,
  service: Service,
  topology: Pick<Topology, "cluster" | "datacenter" | "region">,
): string[] {
  switch (service) {
    case "support":
      return [];
    case "consul":
      return spec.roles.includes("consul-server")
        ? [consulServerName(topology), "consul.service.consul"]
        : [`client.${topology.datacenter}.consul`];
    case "vault":
      return [vaultServerName, activeVaultName, "standby.vault.service.consul"];
    case "nomad":
      return spec.roles.includes("nomad-server")
        ? [nomadServerName(topology), nomadServiceName]
        : [`client.${topology.region}.nomad`, "nomad-client.service.consul"];
  }
}

/**
 * The regular expression for the signer's `name_whitelist` that lets these names through and no others: anchored,
 * for cfssl searches it anywhere in a name. The addresses are in it for the signer's gate: cfssl does not look at them.
 * Example: ["localhost", "a.node.consul"] and ["::1"] is "^(localhost|a\\.node\\.consul|::1)$"
 */
export function signerWhitelist(names: LeafNames): string {
  const addresses = names.ipAddresses.map((address) => ipaddr.parse(address).toString());
  const all = [...new Set([...names.dnsNames, names.commonName, ...addresses])];
  return `^(${all.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|")})$`;
}
