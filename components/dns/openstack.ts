import * as openstack from "@pulumi/openstack";
import type * as pulumi from "@pulumi/pulumi";
import { type AddressRecords, type Dns, fullName } from "./dns";

/** OpenStack's Designate. All addresses of one name and type are one recordset. */
export class OpenStackDns implements Dns {
  readonly kind = "openstack";
  private readonly zoneId: pulumi.Output<string>;

  /** @param domain a zone that the project has already: it is looked up, never made. Example: "example.org" */
  constructor(
    private readonly domain: string,
    opts: pulumi.InvokeOptions,
  ) {
    this.zoneId = openstack.dns.getDnsZoneOutput({ name: `${domain}.` }, opts).id;
  }

  addresses(
    name: string,
    { host, type, ttl, addresses }: AddressRecords,
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource[] {
    if (addresses.length === 0) return [];
    return [
      new openstack.dns.RecordSet(
        name,
        {
          zoneId: this.zoneId,
          // Designate knows full names only, with the dot of the root.
          name: `${fullName(host, this.domain)}.`,
          type,
          ttl,
          records: addresses.map(({ address }) => address),
        },
        opts,
      ),
    ];
  }
}
