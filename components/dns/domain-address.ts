import * as pulumi from "@pulumi/pulumi";
import * as ipaddr from "ipaddr.js";
import { type AddressRecords, type Dns, hostIn, type SlotAddress } from "./dns";
import { LinodeDns } from "./linode";
import { OpenStackDns } from "./openstack";

/** Which domain a stack may write, and where: its settings' `dns`. */
export interface DomainOwnership {
  /** The domain as its provider has it. Example: "example.org". */
  domain: string;
  /** Whether this stack, and no other, writes there. */
  owned: boolean;
  /** "linode" or "openstack". */
  provider: string;
  /** How long others may remember an address, in seconds. */
  ttl: number;
}

/** A machine that visitors reach. */
export interface BalancerAddress {
  /** Its logical name. Example: "edge-a". */
  name: string;
  /** Public address; a prefix length after it is taken off. */
  publicIpv4: pulumi.Input<string | undefined>;
  /** As above; left out where the cloud gives none. */
  publicIpv6?: pulumi.Input<string | undefined>;
}

export interface DomainAddressArgs {
  /** The settings' `dns`; undefined where the stack has none. */
  dns: DomainOwnership | undefined;
  /** The name that visitors use; it and its wildcard get the addresses. Example: "www.example.org". */
  domain: string;
  /** Every load balancer. */
  balancers: BalancerAddress[];
  /** What must be there before a visitor is sent: the proof that the site answers on all of these machines. */
  after: pulumi.Resource[];
}

/**
 * The addresses of a domain and of everything below it: A and AAAA of every load balancer. New addresses are told when the
 * site answers there; a machine that goes is deleted after its address.
 */
export class DomainAddress extends pulumi.ComponentResource {
  /** The domain. */
  public readonly domain: pulumi.Output<string>;

  /** @throws ResourceError where the stack does not own the domain, or the name is not part of it */
  constructor(name: string, args: DomainAddressArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:DomainAddress", name, {}, opts);
    const { dns, domain, balancers } = args;
    const refuse = (why: string) => new pulumi.ResourceError(`${name}: ${why}`, this, true);
    if (!dns?.owned) {
      throw refuse(
        `no record is made for ${domain}, since this stack does not own ${dns ? dns.domain : "a domain"}: ` +
          'set "owned: true" in the settings\' "dns" of the one stack that does',
      );
    }
    const host = hostIn(domain, dns.domain);
    if (host === undefined) throw refuse(`${domain} is no name in ${dns.domain}, which this stack owns`);
    const adapter = adapterOf(dns, { parent: this });
    if (!adapter)
      throw refuse(`no adapter writes records at "${dns.provider}"; there are linode and openstack`);

    for (const one of [host, host === "" ? "*" : `*.${host}`]) {
      for (const type of ["A", "AAAA"] as const) {
        const records: AddressRecords = {
          host: one,
          type,
          ttl: dns.ttl,
          addresses: balancers.flatMap((balancer) => addressOf(balancer, type)),
        };
        const label = one === host ? name : `${name}-wildcard`;
        adapter.addresses(`${label}-${type}`, records, { parent: this, dependsOn: args.after });
      }
    }
    this.domain = pulumi.output(domain);
    this.registerOutputs({ domain: this.domain });
  }
}

function adapterOf(dns: DomainOwnership, opts: pulumi.InvokeOptions): Dns | undefined {
  if (dns.provider === "linode") return new LinodeDns(dns.domain, opts);
  if (dns.provider === "openstack") return new OpenStackDns(dns.domain, opts);
  return undefined;
}

function addressOf(balancer: BalancerAddress, type: "A" | "AAAA"): SlotAddress[] {
  const known = type === "A" ? balancer.publicIpv4 : balancer.publicIpv6;
  if (known === undefined) return [];
  const address = pulumi.output(known).apply((text) => plainAddress(text, type, balancer.name));
  return [{ slot: balancer.name, address }];
}

/**
 * An address as records have it: without prefix length, in its one canonical form, for a provider that answers with
 * another than it was given would find a change at every run.
 * @param machine for the message
 * @throws Error where there is none, or it is of the other family
 */
export function plainAddress(text: string | undefined, type: "A" | "AAAA", machine: string): string {
  const family = type === "A" ? "IPv4" : "IPv6";
  const [host = ""] = (text ?? "").split("/");
  const valid = type === "A" ? ipaddr.IPv4.isValidFourPartDecimal(host) : ipaddr.IPv6.isValid(host);
  if (!valid) {
    throw new Error(
      `${machine} has no public ${family} address for its record; its cloud answered ${text ? `"${text}"` : "none"}.`,
    );
  }
  return ipaddr.parse(host).toString();
}
