import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import type { Cloud, Opening } from "./clouds/cloud";
import { enrol } from "./provisioning/enrol";
import type { Connection } from "./provisioning/remote";
import { addressIn } from "./topology/members";
import type { Network } from "./topology/model";

/**
 * A machine that boots is asked again until it answers, but not for ever: one that refuses is asked every 5 s, after a
 * beginning that is quicker, and one that is silent is given some seconds more each time.
 */
const firstLimits = (minutes: number) => ({
  dialErrorLimit: 10 + Math.round((10 * minutes) / 3),
  perDialTimeout: 10,
});

/** One that has answered once may reboot; one that does not come back is told of within a minute or two. */
const limits = { dialErrorLimit: 12, perDialTimeout: 10 };

export interface ClusterMachineArgs {
  /** Where the machine is made. */
  cloud: Cloud;
  /** First part of the machine's name in the cloud. */
  cluster: string;
  /** Whether it has addresses that are reached from outside. */
  public: boolean;
  /** What is reached from outside; all else its cloud drops. */
  openings: Opening[];
  /** Machines with the same word here shall stand on different hosts of the cloud. Default: it does not matter. */
  spread?: string;
  /** Whether its disk should outlive the loss of the cloud's host below it. Default: it need not. */
  stateful?: boolean;
  /** What the machine is for, for a reader of the cloud's own lists. */
  tags?: string[];
  /** The cloud's own word for its size. Default: the cloud's. Example: "g6-standard-2". */
  size?: string;
  /** The machine's number in the private networks, where its successor shall have its addresses. Default: any. */
  host?: number;
  /** The family by which machines speak with each other. */
  family: Network["family"];
  /** The one user that logs in. */
  user: string;
  /** The stack's own key pair, OpenSSH. */
  privateKey: pulumi.Input<string>;
  /** Its public half, one line. Example: "ssh-ed25519 AAAA…". */
  publicKey: pulumi.Input<string>;
  /** Further public keys that may log in. */
  authorizedKeys?: string[];
  /** The machine through which this one is reached; none for the jump host itself. */
  jump?: ClusterMachine;
  /** About how long it may take until it answers for the first time, in minutes. Default 15. */
  firstMinutes?: number;
  /** Whether the machine may not be destroyed while the stack lives: the pet, outside dev. Default false. */
  protect?: boolean;
}

/**
 * One machine that can be reached: made by the cloud, and its throw-away host key replaced by one that only the stack
 * and the machine know. Its name in the cloud has a random suffix; a new suffix is a new machine.
 */
export class ClusterMachine extends pulumi.ComponentResource {
  /** The cloud's id: changes when the machine is another one. */
  public readonly machineId: pulumi.Output<string>;
  /** Its name in the cloud, which is its host name. Example: "dev-control-a-1f2e3d4c". */
  public readonly cloudName: pulumi.Output<string>;
  /** In the private network. */
  public readonly privateIpv4: pulumi.Output<string>;
  /** Undefined inside where the private network has IPv4 alone. */
  public readonly privateIpv6: pulumi.Output<string | undefined>;
  /** Undefined inside where it has none. */
  public readonly publicIpv4: pulumi.Output<string | undefined>;
  /** Undefined inside where it has none. */
  public readonly publicIpv6: pulumi.Output<string | undefined>;
  /** Where an admin reaches it, if it is public. */
  public readonly adminAddress: pulumi.Output<string | undefined>;
  /** The address that members use. */
  public readonly address: pulumi.Output<string>;
  /** The machine's own host key, OpenSSH public format. */
  public readonly hostKey: pulumi.Output<string>;
  /** How programs reach it, verified. Secret. */
  public readonly connection: pulumi.Output<Connection>;
  /** Whether it shares its kernel with others, on a host that keeps the time and hands on names. */
  public readonly sharedHost: boolean;
  /** The cloud's resource. */
  public readonly resource: pulumi.Resource;
  /**
   * Depend on it to come after enrolment; name it in `deletedWith` for what only this machine could undo. The machine's own
   * resource would not do: one that is deleted before its successor is made does not count as deleted (Pulumi 3.250,
   * step_generator.go), what is replaced because of it does.
   */
  public readonly enrolled: command.remote.Command;

  constructor(name: string, args: ClusterMachineArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:ClusterMachine", name, {}, opts);
    const child = { parent: this };

    const suffix = new random.RandomId(name, { byteLength: 4, prefix: `${args.cluster}-${name}-` }, child);
    const firstKey = new tls.PrivateKey(`${name}-first`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, child);
    const hostKey = new tls.PrivateKey(`${name}-host`, { algorithm: "ED25519" }, child);

    const machine = args.cloud.machine(
      {
        name,
        cloudName: suffix.hex,
        public: args.public,
        openings: args.openings,
        spread: args.spread,
        stateful: args.stateful,
        tags: args.tags,
        size: args.size,
        host: args.host,
        firstContact: {
          user: args.user,
          authorizedKeys: [args.publicKey, ...(args.authorizedKeys ?? [])],
          hostKey: firstKey.privateKeyOpenssh,
        },
      },
      { ...child, protect: args.protect },
    );

    this.machineId = machine.id;
    this.sharedHost = args.cloud.sharedHost ?? false;
    this.cloudName = suffix.hex;
    this.privateIpv4 = machine.privateIpv4;
    this.privateIpv6 = machine.privateIpv6;
    this.publicIpv4 = machine.publicIpv4;
    this.publicIpv6 = machine.publicIpv6;
    this.adminAddress = machine.adminAddress;
    this.address = pulumi
      .all([machine.privateIpv4, machine.privateIpv6])
      .apply(([privateIpv4, privateIpv6]) => addressIn(args.family, { privateIpv4, privateIpv6 }, name));
    this.resource = machine.resource;
    this.hostKey = hostKey.publicKeyOpenssh.apply((key) => key.trim());

    const host = args.jump ? this.address : machine.adminAddress.apply((address) => address ?? "");
    const connect = (key: pulumi.Output<string>, own: typeof limits): pulumi.Output<Connection> =>
      pulumi.secret(
        pulumi
          .all([host, key, args.privateKey, args.jump ? args.jump.connection : undefined])
          .apply(([host, key, privateKey, jump]) => ({
            ...own,
            host,
            user: args.user,
            privateKey,
            hostKey: key.trim(),
            ...(jump
              ? { proxy: { ...limits, host: jump.host, user: jump.user, privateKey, hostKey: jump.hostKey } }
              : {}),
          })),
      );

    this.enrolled = enrol(
      name,
      {
        machine: name,
        connection: connect(firstKey.publicKeyOpenssh, firstLimits(args.firstMinutes ?? 15)),
        machineId: machine.id,
        hostKey: hostKey.privateKeyOpenssh,
      },
      {
        ...child,
        dependsOn: args.jump ? [machine.resource, args.jump.enrolled] : [machine.resource],
        deletedWith: machine.resource,
      },
    );
    this.connection = connect(hostKey.publicKeyOpenssh, limits);
    this.registerOutputs({ address: this.address, hostKey: this.hostKey });
  }
}
