import * as linode from "@pulumi/linode";
import * as pulumi from "@pulumi/pulumi";
import * as ipaddr from "ipaddr.js";
import type { Cloud, CloudMachine, FirstContact, MachineRequest } from "../cloud";
import { numbered } from "../numbered";
import { renderUserData } from "../user-data";
import { Firewalls } from "./firewall";
import { firstContactAnswers, firstContactScript } from "./stackscript";

/** What the cloud is asked to be. */
export interface LinodeCloudArgs {
  /** The cluster's name, 3 to 25 characters: first part of all names, and the tag of all that can have one. Example: "prod". */
  cluster: string;
  /** Example: "nl-ams". */
  region: string;
  /** An image with packages and programs that runs cloud-init. Example: "private/12345678". */
  image: string;
  /** Type of machines that name no size. Example: "g6-standard-2". */
  type: string;
  /** Private IPv4 prefix of the VPC. Example: "10.1.0.0/24". */
  ipv4: string;
  /**
   * How machines go out that nobody outside reaches. "public": each by an address of its own. "nat": they have none, and
   * somebody else must hand on what they send. Default: "public".
   */
  egress?: "public" | "nat";
  /**
   * How a machine learns of its first contact. "metadata": by user data that cloud-init finds. "stackscript": by a script that
   * Linode runs at the first boot, where region or image lack the former. Default: "metadata".
   */
  bootstrap?: "metadata" | "stackscript";
  /** How long a machine may take until it runs, in minutes. Default 15. */
  createMinutes?: number;
  /** Where admins are: sources of what is open to them. */
  adminCidrs: readonly string[];
  /** Whether the disks of machines that hold state are backed up, for a price. */
  backups: boolean;
  /**
   * Whether the network is guarded: one of other addresses or in another region would be another network, which living
   * machines do not move to, so the engine refuses such a change at preview. Default false.
   */
  protect?: boolean;
}

/**
 * What holds for a machine from its birth on. On a living one the provider would resize or migrate it, or power it off
 * and on again, all machines at once; or replace it, all at once again (terraform-provider-linode v3.1.1,
 * instance/schema_resource.go and resource.go). So a change of these waits for the next machine of the slot: one that is
 * replaced is made of what the settings say then (Pulumi 3.250, step_generator.go).
 */
const fromBirth = [
  "firewallId",
  "image",
  "interfaces",
  "metadatas",
  "region",
  "stackscriptData",
  "stackscriptId",
  "type",
];

/** The tag of a machine whose public address is for going out alone. */
const egressOnly = "egress-public";

/**
 * Machines at Linode: one VPC, a Cloud Firewall for each kind of exposure, placement groups for those that stand apart.
 * A machine has a public address, of either family: it goes out by it, and its firewall lets in the openings alone. With
 * `egress: nat` only those have one that are reached from outside.
 * Root's password is made by the provider at random, and kept nowhere. The token is the provider's matter.
 */
export class LinodeCloud implements Cloud {
  readonly kind = "linode";
  readonly publicIpv6 = true;
  private readonly subnet: linode.VpcSubnet;
  private readonly firewalls: Firewalls;
  private readonly script?: linode.StackScript;
  private readonly apart = new Map<string, linode.PlacementGroup>();

  /** @param opts of what all machines share: whose parts these are */
  constructor(
    private readonly args: LinodeCloudArgs,
    private readonly opts: pulumi.CustomResourceOptions = {},
  ) {
    const { cluster, region, ipv4, adminCidrs } = args;
    const guarded = { ...opts, protect: args.protect };
    const vpc = new linode.Vpc(
      "private",
      { label: cluster, region, description: `Cluster ${cluster}` },
      guarded,
    );
    this.subnet = new linode.VpcSubnet(
      "private",
      { vpcId: vpc.id.apply(Number), label: `${cluster}-private`, ipv4 },
      guarded,
    );
    if (args.bootstrap === "stackscript") this.script = firstContactScript(cluster, opts);
    this.firewalls = new Firewalls(cluster, { network: ipv4, adminCidrs }, opts);
  }

  /** An instance. */
  machine(request: MachineRequest, opts: pulumi.CustomResourceOptions): CloudMachine {
    const { args } = this;
    const instance = new linode.Instance(
      request.name,
      {
        label: request.cloudName,
        region: args.region,
        type: request.size ?? args.type,
        image: args.image,
        ...this.told(request.firstContact),
        interfaces: this.goesOut(request)
          ? [{ purpose: "public", primary: true }, this.inside(request.host)]
          : [{ ...this.inside(request.host), primary: true }],
        firewallId: this.firewalls.idFor(request.openings),
        ...this.group(request.spread),
        backupsEnabled: args.backups && (request.stateful ?? false),
        tags: this.tagsOf(request),
      },
      {
        ...opts,
        replaceOnChanges: ["label"],
        ignoreChanges: fromBirth,
        deleteBeforeReplace: request.host !== undefined,
        additionalSecretOutputs: ["metadatas", "stackscriptData"],
        customTimeouts: { create: `${this.args.createMinutes ?? 15}m`, update: "15m", delete: "10m" },
      },
    );

    const outside = <T>(address: pulumi.Output<T>): pulumi.Output<T | undefined> =>
      request.public ? address : pulumi.output(undefined);
    const publicIpv4 = outside(instance.ipv4s.apply((all) => publicOf(all, request.name)));
    return {
      id: instance.id,
      privateIpv4: instance.interfaces.apply((all) => insideOf(all, request.name)),
      privateIpv6: pulumi.output(undefined),
      publicIpv4,
      // With its prefix length, which is that of one address.
      publicIpv6: outside(instance.ipv6.apply((address) => address.replace(/\/\d+$/, ""))),
      adminAddress: publicIpv4,
      resource: instance,
    };
  }

  /** What it is told of its first contact, and how. */
  private told(contact: FirstContact): Partial<linode.InstanceArgs> {
    if (this.script) {
      return {
        stackscriptId: this.script.id.apply(Number),
        stackscriptData: firstContactAnswers(contact),
      };
    }
    const encoded = (userData: string) => [{ userData: Buffer.from(userData).toString("base64") }];
    return {
      metadatas: pulumi.secret(pulumi.output(contact).apply((plain) => encoded(renderUserData(plain)))),
    };
  }

  /** The interface in the VPC: the second, since the first has the way out. */
  private inside(host: number | undefined): linode.types.input.InstanceInterface {
    return {
      purpose: "vpc",
      subnetId: this.subnet.id.apply(Number),
      ...(host === undefined ? {} : { ipv4: { vpc: numbered(this.args.ipv4, host) } }),
    };
  }

  /** Flexible: where no other host is free, a machine on the same is better than none. */
  private group(spread: string | undefined): Partial<linode.InstanceArgs> {
    if (spread === undefined) return {};
    const group =
      this.apart.get(spread) ??
      new linode.PlacementGroup(
        spread,
        {
          label: `${this.args.cluster}-${spread}`,
          region: this.args.region,
          placementGroupType: "anti_affinity:local",
          placementGroupPolicy: "flexible",
        },
        this.opts,
      );
    this.apart.set(spread, group);
    return { placementGroup: { id: group.id.apply(Number) } };
  }

  /** Whether it has a public address, be it for going out alone. */
  private goesOut({ public: reached }: MachineRequest): boolean {
    return reached || this.args.egress !== "nat";
  }

  private tagsOf(request: MachineRequest): string[] {
    const { tags = [], openings } = request;
    const outOnly = openings.length === 0 && this.goesOut(request);
    return [this.args.cluster, ...tags, ...(outOnly ? [egressOnly] : [])].sort();
  }
}

/** The one public address among a machine's. */
function publicOf(all: readonly string[], name: string): string {
  const found = all.find((address) => ipaddr.parse(address).range() !== "private");
  if (found === undefined) throw new Error(`${name}: Linode gave it no public IPv4 address.`);
  return found;
}

/** The address in the VPC. */
function insideOf(all: readonly linode.types.output.InstanceInterface[] | undefined, name: string): string {
  const found = all?.find(({ purpose }) => purpose === "vpc")?.ipv4?.vpc;
  if (!found) throw new Error(`${name}: Linode gave it no address in the VPC.`);
  return found;
}
