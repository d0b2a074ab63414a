import * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { canonical, poolOf } from "./addresses";

/** The private network of a cluster, and its way out. */

export interface PrivateNetworkArgs {
  /** First part of the names in the cloud. Example: "campus". */
  cluster: string;
  tags: string[];
  /** Private IPv4 prefix. Example: "10.20.0.0/24". */
  ipv4: string;
  /** Private IPv6 prefix; without it the network has IPv4 alone. */
  ipv6?: string;
  /** Whether the cloud carries `ipv6` to the internet and back. Else it is for the machines among themselves. */
  ipv6Routed: boolean;
  /** Id of the subnet pool that `ipv6` is taken from, where the cloud asks for one. */
  ipv6SubnetPool?: string;
  /** Name of the network that leads out, and gives floating addresses. Example: "public". */
  externalNetwork: string;
  /** Id of a router that is there already. Default: one is made. */
  router?: string;
  /** Name servers that machines are told. Default: the cloud's own. */
  dnsServers?: readonly string[];
  /** Whether the engine refuses to replace or destroy network and subnets. Default false. */
  protect?: boolean;
}

/** A subnet and its prefix. */
export interface PrivateSubnet {
  id: pulumi.Output<string>;
  cidr: string;
}

export interface PrivateNetwork {
  id: pulumi.Output<string>;
  /** IPv4, then IPv6 where there is one. */
  subnets: PrivateSubnet[];
  /** Depend on these to come when there is a way out: a floating address can be given to no machine before. */
  routed: pulumi.Resource[];
}

/** Makes them. */
export function privateNetwork(args: PrivateNetworkArgs, opts: pulumi.CustomResourceOptions): PrivateNetwork {
  const { cluster, tags, dnsServers } = args;
  const name = `${cluster}-private`;
  const guarded = { ...opts, protect: args.protect };
  const network = new openstack.networking.Network(
    "private",
    {
      name,
      adminStateUp: true,
      // IPv6 that comes later would be one subnet more, to which nobody objects: running machines get an address at their
      // ports and do not learn of it, while the others are told to speak to them by it. So another network must be made
      // for it, which the engine refuses to do to one that is guarded.
      ...(args.ipv6 === undefined ? {} : { description: "IPv4 and IPv6" }),
      tags,
    },
    { ...guarded, replaceOnChanges: ["description"] },
  );
  const ipv4 = new openstack.networking.Subnet(
    "private-ipv4",
    {
      name: `${name}-ipv4`,
      networkId: network.id,
      ipVersion: 4,
      cidr: canonical(args.ipv4),
      enableDhcp: true,
      // What machines have by number is outside of the pool: Neutron's own DHCP ports would take it.
      allocationPools: [poolOf(args.ipv4)],
      ...(dnsServers ? { dnsNameservers: [...dnsServers] } : {}),
      tags,
    },
    guarded,
  );
  const ipv6 = args.ipv6 === undefined ? undefined : ipv6Subnet(args, args.ipv6, network.id, guarded);
  const routerId = args.router === undefined ? madeRouter(args, opts).id : pulumi.output(args.router);
  const toRouter = (family: string, subnet: openstack.networking.Subnet) =>
    new openstack.networking.RouterInterface(`private-${family}`, { routerId, subnetId: subnet.id }, opts);
  return {
    id: network.id,
    subnets: [
      { id: ipv4.id, cidr: args.ipv4 },
      ...(ipv6 && args.ipv6 !== undefined ? [{ id: ipv6.id, cidr: args.ipv6 }] : []),
    ],
    routed: [toRouter("ipv4", ipv4), ...(ipv6 && args.ipv6Routed ? [toRouter("ipv6", ipv6)] : [])],
  };
}

/**
 * Addresses are static and told by the config drive, not by DHCPv6 or from the router's advertisements: with the latter
 * no machine can have an address by number, and leases of the former are renewed by answers that no firewall expects.
 */
function ipv6Subnet(
  args: PrivateNetworkArgs,
  cidr: string,
  networkId: pulumi.Output<string>,
  opts: pulumi.CustomResourceOptions,
): openstack.networking.Subnet {
  return new openstack.networking.Subnet(
    "private-ipv6",
    {
      name: `${args.cluster}-private-ipv6`,
      networkId,
      ipVersion: 6,
      cidr: canonical(cidr),
      enableDhcp: false,
      // A default route that leads nowhere would be tried first by whoever speaks to the internet.
      ...(args.ipv6Routed ? {} : { noGateway: true }),
      ...(args.ipv6SubnetPool === undefined ? {} : { subnetpoolId: args.ipv6SubnetPool }),
      allocationPools: [poolOf(cidr)],
      tags: args.tags,
    },
    opts,
  );
}

function madeRouter(
  { cluster, tags, externalNetwork }: PrivateNetworkArgs,
  opts: pulumi.CustomResourceOptions,
): openstack.networking.Router {
  const external = openstack.networking.getNetworkOutput(
    { name: externalNetwork, external: true },
    { parent: opts.parent, provider: opts.provider },
  );
  return new openstack.networking.Router(
    "router",
    { name: `${cluster}-router`, adminStateUp: true, externalNetworkId: external.id, tags },
    opts,
  );
}
