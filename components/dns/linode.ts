import * as linode from "@pulumi/linode";
import type * as pulumi from "@pulumi/pulumi";
import type { AddressRecords, Dns } from "./dns";

/** Linode's DNS Manager. Each address is a record of its own. */
export class LinodeDns implements Dns {
  readonly kind = "linode";
  private readonly domainId: pulumi.Output<number>;

  /** @param domain a domain that the account has already: it is looked up, never made. Example: "example.org" */
  constructor(domain: string, opts: pulumi.InvokeOptions) {
    this.domainId = linode.getDomainOutput({ domain }, opts).apply(({ id }) => {
      if (id === undefined) throw new Error(`${domain}: the account at Linode has no such domain.`);
      return id;
    });
  }

  addresses(
    name: string,
    { host, type, ttl, addresses }: AddressRecords,
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource[] {
    return addresses.map(
      ({ slot, address }) =>
        new linode.DomainRecord(
          `${name}-${slot}`,
          // An empty name is the domain itself; left out, the SDK would invent one.
          { domainId: this.domainId, name: host, recordType: type, target: address, ttlSec: ttl },
          opts,
        ),
    );
  }
}
