import type * as pulumi from "@pulumi/pulumi";

/**
 * The cloud contract: what every cloud gives the rest of the library. An adapter makes the machine, its addresses and
 * what the cloud itself filters; it knows nothing of Consul, Vault or Nomad.
 */

/** What a machine must know to be reached for the first time, and nothing more. */
export interface FirstContact {
  /** The one user that logs in; has sudo, no password. */
  user: pulumi.Input<string>;
  /** OpenSSH public keys of that user. */
  authorizedKeys: pulumi.Input<pulumi.Input<string>[]>;
  /** A throw-away ECDSA host key (OpenSSH private format): enrolment puts an ed25519 one beside it, the first apply takes this one away. */
  hostKey: pulumi.Input<string>;
}

/** A port that is reached from outside the cluster: a line of the ports table as a cloud's filter needs it. */
export interface Opening {
  /** Who comes in. "admins": hosts in the settings' `adminCidrs`. "world": anybody. */
  from: string;
  /** "tcp" or "udp". */
  protocol: string;
  /** Example: 443. */
  port: number;
  /** What answers there. Example: "site". */
  service: string;
}

/** What a cloud is asked for. */
export interface MachineRequest {
  /** Logical name of the slot. Example: "control-a". Becomes the resource's name. */
  name: string;
  /** The name in the cloud, with its random suffix. Example: "dev-control-a-1f2e3d". */
  cloudName: pulumi.Input<string>;
  /** Whether it has addresses that are reached from outside. */
  public: boolean;
  /** All that is reached from outside; whatever is not here, the cloud's own filter drops. None on a machine that is not public. */
  openings: Opening[];
  /**
   * Machines with the same word here shall stand on different hosts of the cloud, where it can be asked for that.
   * Example: "control". Default: it does not matter.
   */
  spread?: string;
  /**
   * Whether what lies on its disk should outlive the loss of the cloud's host below it, where it can be asked for that.
   * Default: it need not.
   */
  stateful?: boolean;
  /**
   * The machine's number in the private networks, 2 to 10, where its successor shall have its addresses; it then goes before
   * its successor comes. Default: any free one, and the successor comes first.
   */
  host?: number;
  /** Further words by which a reader of the cloud's own lists tells what the machine is for. Example: ["support"]. Default: none. */
  tags?: string[];
  /** The cloud's own word for the size; undefined for its default. */
  size?: string;
  /** Who may log in, and by which host key it is known the first time. */
  firstContact: FirstContact;
}

/** A machine as a cloud answers it. */
export interface CloudMachine {
  /** The cloud's id of the machine: changes when the machine is another one. */
  id: pulumi.Output<string>;
  /** In the private network. */
  privateIpv4: pulumi.Output<string>;
  /** Undefined inside the output where the cloud's private network has IPv4 alone. */
  privateIpv6: pulumi.Output<string | undefined>;
  /** Undefined inside the output where the machine has none. */
  publicIpv4: pulumi.Output<string | undefined>;
  /** Undefined inside where the machine has none. */
  publicIpv6: pulumi.Output<string | undefined>;
  /** The address by which an admin's program reaches a public machine; on a cloud its public address. */
  adminAddress: pulumi.Output<string | undefined>;
  /** The resource to depend on, and to name in `deletedWith`. */
  resource: pulumi.Resource;
}

/** A machine that programs are put onto. */
export interface InstallTarget {
  /** Logical name of the slot. Example: "support-a". */
  name: string;
  cloudName: pulumi.Input<string>;
  /** The cloud's id of the machine: another machine has none of the programs. */
  machineId: pulumi.Input<string>;
}

/** An ACME server of a cloud's own, for trying, and by what records of its domains are written. */
export interface AcmeServer {
  /** Its directory's URL. */
  directory: pulumi.Output<string>;
  /** Roots of the server, of the API, and of the certificates that it gives, PEM. */
  ca: pulumi.Output<string>;
  /** Where the API answers by which records are written: Linode's, without the version. */
  api: pulumi.Output<string>;
  /** Name servers that answer for the domains. */
  resolvers: pulumi.Output<string[]>;
  /** What the API knows the writer by. A secret. */
  token: pulumi.Output<string>;
}

/** An adapter. */
export interface Cloud {
  /** "local", "linode", "openstack". */
  readonly kind: string;
  /** What a machine has, where its own view is wrong: a machine that shares its kernel sees the whole host. */
  readonly capacity?: { readonly memoryMb: number; readonly cpuMhz: number };
  /**
   * Whether its machines share the kernel of one host, which keeps the time and hands on names for them. Default: each has
   * a kernel of its own, keeps its own time, and asks the name servers that the cloud tells it of.
   */
  readonly sharedHost?: boolean;
  /**
   * Whether its public machines have an IPv6 address that is reached from outside: records of names are planned before any
   * address is known. Default: they have IPv4 alone.
   */
  readonly publicIpv6?: boolean;
  /** Makes a machine, reached by the host key of the request. */
  machine(request: MachineRequest, opts: pulumi.CustomResourceOptions): CloudMachine;
  /**
   * Has an ACME server that signs for these domains and all names in them, which it serves itself. Absent where there is none.
   * @param domains Example: ["www.dev.test"]
   */
  acmeServer?(domains: readonly string[], opts: pulumi.CustomResourceOptions): AcmeServer;
  /**
   * Puts programs that few stacks need onto a machine. Absent where a machine's image must bring all that it runs.
   * @param programs names. Example: ["traefik"]
   */
  install?(
    machine: InstallTarget,
    programs: readonly string[],
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource;
}
