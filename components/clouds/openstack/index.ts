import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import type { Cloud, CloudMachine, MachineRequest } from "../cloud";
import { numbered } from "../numbered";
import { renderUserData } from "../user-data";
import { ofFamily } from "./addresses";
import { Filter } from "./filter";
import { type PrivateNetwork, privateNetwork } from "./network";

/** Where a root disk lies in Cinder. */
export interface RootVolume {
  /** GiB. */
  sizeGb: number;
  /** Cinder's type. Default: the cloud's. Example: "ssd". */
  type?: string;
  /** Whether all machines have one. Default: those alone whose disk must outlive a lost host. */
  everywhere?: boolean;
}

/** What the cloud is asked to be. */
export interface OpenStackCloudArgs {
  /** The cluster's name: first part of all names, and the tag of all that is made. Example: "campus". */
  cluster: string;
  /** An image with packages and programs: its id, or its name, of which the newest counts. */
  image: string;
  /** Flavor of machines that name no size. Example: "m1.medium". */
  size: string;
  /** Name of the network that leads out, and gives floating addresses. Example: "public". */
  externalNetwork: string;
  /** Id of a router that is there already. Default: one is made. */
  router?: string;
  /** Private IPv4 prefix. Example: "10.20.0.0/24". */
  ipv4: string;
  /** Private IPv6 prefix; without it the network has IPv4 alone. */
  ipv6?: string;
  /** Whether the cloud carries `ipv6` to the internet and back. Default false. */
  ipv6Routed?: boolean;
  /** Id of the subnet pool that `ipv6` is taken from, where the cloud asks for one. */
  ipv6SubnetPool?: string;
  /** Name servers that machines are told. Default: the cloud's own. */
  dnsServers?: readonly string[];
  /** Root disks in Cinder. Default: on the hosts' own disks. */
  rootVolume?: RootVolume;
  /** How long a machine may take until it runs, in minutes. Default 15. */
  createMinutes?: number;
  /** Where admins are: sources of what is open to them. */
  adminCidrs: readonly string[];
  /**
   * Whether the engine refuses to replace or destroy network and subnets: for another prefix Neutron would move the ports of
   * running machines, which do not learn of it; and with IPv6 that comes later it would give them addresses unasked. Default
   * false.
   */
  protect?: boolean;
}

/** An id of OpenStack's. */
const idPattern = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;

/**
 * What holds for a machine from its birth on. On a living one Nova would lay another disk under it for a new image, and
 * restart it for a new flavor, all machines at once; the rest would replace it. So a change of these waits for the next
 * machine of the slot: one that is replaced is made of what the settings say then (Pulumi 3.250, step_generator.go).
 */
const fromBirth = ["userData", "imageId", "blockDevices", "flavorName", "schedulerHints", "configDrive"];

/**
 * Machines on OpenStack: one private network, a port of its own for each machine, floating addresses for those that are
 * reached from outside. All others go out through the router. Credentials are the provider's matter.
 */
export class OpenStackCloud implements Cloud {
  readonly kind = "openstack";
  readonly publicIpv6: boolean;
  private readonly tags: string[];
  private readonly network: PrivateNetwork;
  private readonly filter: Filter;
  private readonly image: pulumi.Output<string>;
  private readonly apart = new Map<string, openstack.compute.ServerGroup>();

  /** @param opts of what all machines share: whose parts these are */
  constructor(
    private readonly args: OpenStackCloudArgs,
    private readonly opts: pulumi.CustomResourceOptions = {},
  ) {
    const { cluster, adminCidrs, ipv6 } = args;
    const ipv6Routed = ipv6 !== undefined && (args.ipv6Routed ?? false);
    this.publicIpv6 = ipv6Routed;
    this.tags = [`hashistack-${cluster}`];
    this.network = privateNetwork({ ...args, tags: this.tags, ipv6Routed }, opts);
    const networks = this.network.subnets.map(({ cidr }) => cidr);
    this.filter = new Filter({ cluster, tags: this.tags, networks, ipv6Routed, adminCidrs }, opts);
    this.image = idPattern.test(args.image)
      ? pulumi.output(args.image)
      : openstack.images.getImageOutput(
          { name: args.image, mostRecent: true },
          { parent: opts.parent, provider: opts.provider },
        ).id;
  }

  /** An instance. */
  machine(request: MachineRequest, opts: pulumi.CustomResourceOptions): CloudMachine {
    const { name, cloudName, host } = request;
    // Of a pet, the machine is protected; what stands beside it can be made again.
    const beside = { ...opts, protect: undefined };
    // A successor that is made beside its predecessor cannot have its port and address; one that comes after it keeps both.
    const own = (property: string) => (host === undefined ? [property] : []);

    const filtered = this.filter.groupsOf(request.openings);
    const port = new openstack.networking.Port(
      name,
      {
        name: cloudName,
        networkId: this.network.id,
        adminStateUp: true,
        fixedIps: this.network.subnets.map(({ id, cidr }) => ({
          subnetId: id,
          ...(host === undefined ? {} : { ipAddress: numbered(cidr, host) }),
        })),
        securityGroupIds: filtered.ids,
        // Who has an address of the private network is who Neutron gave it to.
        portSecurityEnabled: true,
        tags: this.tags,
      },
      { ...beside, replaceOnChanges: own("name") },
    );
    const instance = new openstack.compute.Instance(
      name,
      {
        name: cloudName,
        flavorName: request.size ?? this.args.size,
        ...this.disk(request),
        networks: [{ port: port.id }],
        configDrive: true,
        userData: pulumi.secret(pulumi.output(request.firstContact).apply(renderUserData)),
        ...this.hints(request.spread),
        metadata: { "hashistack-cluster": this.args.cluster, "hashistack-machine": name },
        tags: [...this.tags, ...(request.tags ?? [])],
      },
      {
        ...opts,
        // At its first start it finds a way out, and what shall reach it does.
        dependsOn: [...filtered.rules, ...this.network.routed],
        replaceOnChanges: ["name"],
        ignoreChanges: fromBirth,
        deleteBeforeReplace: host !== undefined,
        additionalSecretOutputs: ["userData"],
        customTimeouts: { create: `${this.args.createMinutes ?? 15}m`, update: "15m", delete: "10m" },
      },
    );

    const address = (family: "IPv4" | "IPv6") => port.allFixedIps.apply((all) => ofFamily(all, family, name));
    const privateIpv4 = address("IPv4");
    const privateIpv6 = this.network.subnets.length > 1 ? address("IPv6") : undefined;
    const publicIpv4 = request.public ? this.floating(request, port, privateIpv4, beside, own) : undefined;
    return {
      id: instance.id,
      privateIpv4,
      privateIpv6: pulumi.output(privateIpv6),
      publicIpv4: pulumi.output(publicIpv4),
      publicIpv6: pulumi.output(request.public && this.publicIpv6 ? privateIpv6 : undefined),
      adminAddress: pulumi.output(publicIpv4),
      resource: instance,
    };
  }

  /** The image, or a volume made of it: Nova refuses both. */
  private disk({ stateful }: MachineRequest): Partial<openstack.compute.InstanceArgs> {
    const { rootVolume } = this.args;
    if (!rootVolume || !(rootVolume.everywhere || stateful)) return { imageId: this.image };
    const { sizeGb, type } = rootVolume;
    return {
      blockDevices: [
        {
          sourceType: "image",
          uuid: this.image,
          destinationType: "volume",
          bootIndex: 0,
          volumeSize: sizeGb,
          ...(type === undefined ? {} : { volumeType: type }),
          deleteOnTermination: true,
        },
      ],
    };
  }

  /** Soft: a small cloud has fewer hosts than the group has machines, a replaced one stands beside its successor. */
  private hints(spread: string | undefined): Partial<openstack.compute.InstanceArgs> {
    if (spread === undefined) return {};
    const group =
      this.apart.get(spread) ??
      new openstack.compute.ServerGroup(
        spread,
        { name: `${this.args.cluster}-${spread}`, policies: ["soft-anti-affinity"] },
        this.opts,
      );
    this.apart.set(spread, group);
    return { schedulerHints: [{ group: group.id }] };
  }

  /** An address of the outer network, led to the machine's port. A machine's own: what was told of it goes with it. */
  private floating(
    { name, cloudName }: MachineRequest,
    port: openstack.networking.Port,
    fixedIp: pulumi.Output<string>,
    opts: pulumi.CustomResourceOptions,
    own: (property: string) => string[],
  ): pulumi.Output<string> {
    const floating = new openstack.networking.FloatingIp(
      name,
      { pool: this.args.externalNetwork, description: cloudName, tags: this.tags },
      { ...opts, replaceOnChanges: own("description") },
    );
    const led = new openstack.networking.FloatingIpAssociate(
      name,
      { floatingIp: floating.address, portId: port.id, fixedIp },
      { ...opts, dependsOn: this.network.routed },
    );
    return led.floatingIp;
  }
}
