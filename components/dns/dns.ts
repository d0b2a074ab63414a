import type * as pulumi from "@pulumi/pulumi";

/** The DNS contract: what every provider of names gives the rest of the library. An adapter is made for one domain. */

/** An address and the machine that it belongs to. */
export interface SlotAddress {
  /** The machine's logical name: what one record of several is told apart by. Example: "edge-a". */
  slot: string;
  /** Without prefix length, in the family of the record's type. Example: "203.0.113.7". */
  address: pulumi.Input<string>;
}

/** All addresses of one type that one name has. */
export interface AddressRecords {
  /** The name below the adapter's domain; empty for the domain itself. Example: "www", "*.www". */
  host: string;
  /** "A" or "AAAA". */
  type: "A" | "AAAA";
  /** How long others may remember them, in seconds. */
  ttl: number;
  /** Of whom, and where that is. */
  addresses: SlotAddress[];
}

/** An adapter. */
export interface Dns {
  /** "linode", "openstack". */
  readonly kind: string;
  /**
   * Makes the records of one name and type. Some providers keep each address as a record of its own, others all of them
   * as one: so it takes all at once, and answers what it made of them.
   * @param name first part of the resources' names. Example: "site-A"
   */
  addresses(name: string, records: AddressRecords, opts: pulumi.CustomResourceOptions): pulumi.Resource[];
}

/** A host's whole name. Example: fullName("*.www", "example.org") is "*.www.example.org". */
export function fullName(host: string, domain: string): string {
  return host === "" ? domain : `${host}.${domain}`;
}

/**
 * A name's part below a domain: empty for the domain itself, undefined for a name that is not in it.
 * Example: hostIn("www.example.org", "example.org") is "www"
 */
export function hostIn(name: string, domain: string): string | undefined {
  if (name === domain) return "";
  return name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}
