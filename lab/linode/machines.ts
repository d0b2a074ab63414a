import ipaddr from "ipaddr.js";
import { hostAddress } from "../machines/addresses.js";

/** What makes the machines behind the instances. */

/** What a machine is made from: settled when its instance is created. */
export interface MachineOrder {
  /** The instance's id. */
  readonly id: number;
  /** The label it was created with. */
  readonly label: string;
  /** The machine's number, 2 to 253, in the networks of its public addresses. */
  readonly host: number;
  /** Whether it is reached from outside: by a public interface, or by one in a VPC with NAT 1:1. */
  readonly public: boolean;
  /** Its address in a VPC's subnet and the subnet's range. */
  readonly vpc?: { readonly address: string; readonly range: string };
  /** What cloud-init executes, decoded. */
  readonly userData?: string;
  /** A StackScript that the first boot runs, and what it finds in its environment. */
  readonly deployment?: { readonly script: string; readonly environment: Readonly<Record<string, string>> };
  /** Id of the image that its disk is filled from. */
  readonly image?: string;
  /** Public keys that root is logged in to with, from the request that created it. */
  readonly rootKeys?: readonly string[];
}

/** A machine's public addresses: the same number in each network. */
export interface PublicAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

export interface Machines {
  /** Addresses of the machine with this number. Known before there is one: Linode answers them at once. */
  addresses(host: number): PublicAddresses;
  /** Boots a machine, and makes it where there is none; comes back when it runs. */
  boot(order: MachineOrder): Promise<void>;
  reboot(order: MachineOrder): Promise<void>;
  stop(order: MachineOrder): Promise<void>;
  /** Removes it. One that does not exist is a success. */
  delete(order: MachineOrder): Promise<void>;
  /** Keeps what its disk holds now, for machines made from the image with this id. */
  keep(order: MachineOrder, image: string): Promise<void>;
  /** Forgets what was kept. */
  drop(image: string): Promise<void>;
  /** Told of every change: what is filtered now, for all machines with a firewall. */
  filter(filters: readonly MachineFilter[]): Promise<void>;
}

/** A machine's firewall, flattened. */
export interface MachineFilter {
  readonly addresses: PublicAddresses;
  /** Its address in a VPC, where it has a public interface too: what it sends outside from there leaves by the public one. */
  readonly vpc?: string;
  readonly inbound: RuleSet;
  readonly outbound: RuleSet;
}

export interface RuleSet {
  readonly policy: "ACCEPT" | "DROP";
  readonly rules: readonly FilterRule[];
}

export interface FilterRule {
  readonly action: "ACCEPT" | "DROP";
  readonly protocol: "ALL" | "TCP" | "UDP" | "ICMP" | "IPENCAP";
  /** As Linode writes them: "22, 80-90". Empty: all. */
  readonly ports: string;
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
}

/** Machines that are only thought of: for tests of the API itself. Documentation's prefixes (RFC 5737, RFC 3849). */
export class ThoughtMachines implements Machines {
  /** Who runs, by instance id. */
  readonly running = new Map<number, MachineOrder>();
  /** Images that were made of a machine's disk. */
  readonly kept = new Set<string>();
  filters: readonly MachineFilter[] = [];

  addresses(host: number): PublicAddresses {
    return { ipv4: hostAddress("203.0.113.0/24", host), ipv6: hostAddress("2001:db8:77::/64", host) };
  }

  async boot(order: MachineOrder): Promise<void> {
    this.running.set(order.id, order);
  }

  async reboot(order: MachineOrder): Promise<void> {
    this.running.set(order.id, order);
  }

  async stop({ id }: MachineOrder): Promise<void> {
    this.running.delete(id);
  }

  async delete({ id }: MachineOrder): Promise<void> {
    this.running.delete(id);
  }

  async keep(_order: MachineOrder, image: string): Promise<void> {
    this.kept.add(image);
  }

  async drop(image: string): Promise<void> {
    this.kept.delete(image);
  }

  async filter(filters: readonly MachineFilter[]): Promise<void> {
    this.filters = filters;
  }
}

/** The number of an address in its subnet. Example: 10.0.0.12 in 10.0.0.0/24 is 12. */
export function hostNumber(address: string, subnet: string): number {
  const [prefix] = ipaddr.parseCIDR(subnet);
  const number = (bytes: number[]): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return number(ipaddr.parse(address).toByteArray()) - number(prefix.toByteArray());
}
