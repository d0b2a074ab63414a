import * as pulumi from "@pulumi/pulumi";
import type { Slot } from "./slot";
import { hostPort, nodeName } from "./topology/members";
import { loadBalancerClass, type Topology } from "./topology/model";
import { consulServerName, nomadServerName, vaultServerName } from "./topology/names";
import { portNumbers } from "./topology/ports";
import type { Trust } from "./trust";

/** What a stack tells about its machines. None of it is secret. */

/** One machine. */
export interface MachineOutput {
  id: string;
  privateIpv4: string;
  privateIpv6?: string;
  publicIpv4?: string;
  publicIpv6?: string;
  roles: string[];
  /** OpenSSH public key. */
  hostKey: string;
}

/** All machines by their logical names. */
export function machineOutputs(slots: readonly Slot[]): pulumi.Output<Record<string, MachineOutput>> {
  const all = slots.map(({ spec, machine, member }) =>
    pulumi
      .all([member, machine.hostKey])
      .apply(([known, hostKey]): [string, MachineOutput] => [
        spec.name,
        { id: nodeName(known), ...known.addresses, roles: [...spec.roles], hostKey },
      ]),
  );
  return pulumi.all(all).apply((entries) => Object.fromEntries(entries));
}

export interface SupportOutput {
  name: string;
  /** Where an admin reaches it. */
  address: string;
  user: string;
  hostKey: string;
  privateIpv4: string;
  privateIpv6?: string;
}

/** The machine through which everything is reached. */
export function supportOutput({ spec, machine }: Slot, user: string): pulumi.Output<SupportOutput> {
  return pulumi
    .all([machine.adminAddress, machine.hostKey, machine.privateIpv4, machine.privateIpv6])
    .apply(([address, hostKey, privateIpv4, privateIpv6]) => ({
      name: spec.name,
      address: address ?? "",
      user,
      hostKey,
      privateIpv4,
      privateIpv6,
    }));
}

export interface LoadBalancerOutput {
  name: string;
  /** Where an admin's browser reaches it; on a cloud its public IPv4 address. */
  address?: string;
  publicIpv4?: string;
  publicIpv6?: string;
  privateIpv4: string;
  privateIpv6?: string;
}

/** The machines that carry the ingress. */
export function loadBalancerOutputs(slots: readonly Slot[]): pulumi.Output<LoadBalancerOutput[]> {
  return pulumi.all(
    slots
      .filter(({ spec }) => spec.nodeClass === loadBalancerClass)
      .map(({ spec, machine }) =>
        pulumi
          .all([
            machine.adminAddress,
            machine.publicIpv4,
            machine.publicIpv6,
            machine.privateIpv4,
            machine.privateIpv6,
          ])
          .apply(([address, publicIpv4, publicIpv6, privateIpv4, privateIpv6]) => ({
            name: spec.name,
            address,
            publicIpv4,
            publicIpv6,
            privateIpv4,
            privateIpv6,
          })),
      ),
  );
}

export interface ApiOutput {
  /** Example: "https://127.77.0.2:8501". */
  address: string;
  /** The name to verify in the certificate. */
  serverName: string;
}

/** Where administrators reach the APIs: through support, with TLS that ends at the servers. */
export function apiOutputs(support: Slot, topology: Topology): pulumi.Output<Record<string, ApiOutput>> {
  return support.machine.adminAddress.apply((host): Record<string, ApiOutput> => {
    const at = (port: number) => `https://${hostPort(host ?? "", port)}`;
    return {
      consul: { address: at(portNumbers.consulApi), serverName: consulServerName(topology) },
      vault: { address: at(portNumbers.vaultApi), serverName: vaultServerName },
      nomad: { address: at(portNumbers.nomadApi), serverName: nomadServerName(topology) },
    };
  });
}

/** What the command line must know of the job that gets public certificates. */
export interface AcmeOutput {
  job: string;
  namespace: string;
  /** Path in Vault's API of what came of the last run. */
  run: string;
  /** Path of the moment at which a certificate was asked for by hand. */
  force: string;
}

/**
 * Root certificates, PEM, by service.
 * @param siteRoots further ones by which the site is verified
 */
export function caOutputs(
  trust: Trust,
  siteRoots: pulumi.Input<string | undefined> = "",
): pulumi.Output<Record<string, string>> {
  return pulumi
    .all([
      trust.consul.rootPem,
      trust.vault.rootPem,
      trust.nomad.rootPem,
      trust.support.rootPem,
      trust.site.rootPem,
      siteRoots,
    ])
    .apply(
      ([consul, vault, nomad, support, site, roots]): Record<string, string> => ({
        consul,
        vault,
        nomad,
        support,
        site: roots ? `${site.trimEnd()}\n${roots.trim()}\n` : site,
      }),
    );
}
