import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { AcmeServer, Cloud, CloudMachine, InstallTarget, MachineRequest } from "../cloud";
import { labProgram } from "./program";

/** What the local cloud is asked to be. */
export interface LocalCloudArgs {
  /**
   * The program that makes the machines, relative to the project or on PATH. Default: that of the package `hashistack-lab`, of the
   * project, or of a folder above it, else on PATH; an error where it is nowhere. Example: "node_modules/.bin/hashistack-lab".
   */
  program?: string;
  /** Private prefixes of the machines; the second undefined for the lab's own. */
  ipv4: string;
  /** Private IPv6 network. Default: none. Example: "fd00:1ab::/64". */
  ipv6?: string;
  /** Whether the image carries the daemons' programs. */
  bake: boolean;
  /** Memory that a machine may offer to tasks, MiB. */
  memoryMb: number;
}

/** The answer of `hashistack-lab create`: its JSON contract. */
interface Answer {
  id: string;
  privateIpv4: string;
  privateIpv6: string;
  publicIpv4?: string;
  publicIpv6?: string;
  forwardAddress?: string;
}

/** That of `hashistack-lab acme`. */
interface AcmeAnswer {
  directory: string;
  ca: string;
  api: string;
  resolvers: string[];
  token: string;
}

/**
 * Machines inside this host, by the lab's own program and its JSON contract alone. Creating needs root on the machine
 * where Pulumi runs; what a cloud would give a public address gets a loopback address there.
 */
export class LocalCloud implements Cloud {
  readonly kind = "local";
  readonly sharedHost = true;
  readonly capacity: { memoryMb: number; cpuMhz: number };

  private readonly program: string;

  constructor(private readonly args: LocalCloudArgs) {
    this.program = args.program ?? labProgram();
    // The processor is shared by all machines: a round figure that lets a few tasks in.
    this.capacity = { memoryMb: args.memoryMb, cpuMhz: 2000 };
  }

  /** A machine inside this host. */
  machine(request: MachineRequest, opts: pulumi.CustomResourceOptions): CloudMachine {
    const spec = pulumi.jsonStringify({
      name: request.cloudName,
      public: request.public,
      publicPorts: request.openings.filter(({ protocol }) => protocol === "tcp").map(({ port }) => port),
      bake: this.args.bake,
      network: { ipv4: this.args.ipv4, ipv6: this.args.ipv6 },
      ...(request.host === undefined ? {} : { host: request.host }),
      firstContact: request.firstContact,
    });
    const machine = new command.local.Command(
      request.name,
      {
        interpreter: [this.program],
        create: "create",
        update: "create",
        delete: "destroy",
        stdin: pulumi.secret(spec),
        // Another name is another machine.
        triggers: [request.cloudName],
        logging: "none",
        addPreviousOutputInEnv: false,
      },
      {
        ...opts,
        deleteBeforeReplace: request.host !== undefined,
        customTimeouts: { create: "5m", update: "5m", delete: "2m" },
      },
    );
    const answer = machine.stdout.apply((text) => JSON.parse(text) as Answer);
    // stdin is secret; what comes back is not, but for the engine it would be.
    const plain = <T>(pick: (a: Answer) => T): pulumi.Output<T> =>
      pulumi.unsecret(answer.apply(pick)) as pulumi.Output<T>;
    return {
      id: plain((a) => a.id),
      privateIpv4: plain((a) => a.privateIpv4),
      privateIpv6: plain((a) => a.privateIpv6),
      publicIpv4: plain((a) => a.publicIpv4),
      publicIpv6: plain((a) => a.publicIpv6),
      adminAddress: plain((a) => a.forwardAddress),
      resource: machine,
    };
  }

  acmeServer(domains: readonly string[], opts: pulumi.CustomResourceOptions): AcmeServer {
    const { ipv4, ipv6 } = this.args;
    const server = new command.local.Command(
      "acme-server",
      {
        interpreter: [this.program],
        create: "acme",
        update: "acme",
        delete: "acme-end",
        stdin: pulumi.secret(pulumi.jsonStringify({ domains, network: { ipv4, ipv6 } })),
        logging: "none",
        addPreviousOutputInEnv: false,
      },
      {
        ...opts,
        additionalSecretOutputs: ["stdout"],
        customTimeouts: { create: "20m", update: "20m", delete: "2m" },
      },
    );
    const answer = server.stdout.apply((text) => JSON.parse(text) as AcmeAnswer);
    const plain = <T>(pick: (a: AcmeAnswer) => T): pulumi.Output<T> =>
      pulumi.unsecret(answer.apply(pick)) as pulumi.Output<T>;
    return {
      directory: plain((a) => a.directory),
      ca: plain((a) => a.ca),
      api: plain((a) => a.api),
      resolvers: plain((a) => a.resolvers),
      token: pulumi.secret(answer.apply((a) => a.token)),
    };
  }

  install(
    { name, cloudName, machineId }: InstallTarget,
    programs: readonly string[],
    opts: pulumi.CustomResourceOptions,
  ): pulumi.Resource {
    return new command.local.Command(
      `${name}-programs`,
      {
        interpreter: [this.program],
        create: "install",
        update: "install",
        // No secret; but what is marked as one is a rule without exceptions.
        stdin: pulumi.secret(pulumi.jsonStringify({ name: cloudName, programs })),
        triggers: [machineId],
        // The first time on a host it is built, and says how far it is.
        logging: "stderr",
        addPreviousOutputInEnv: false,
      },
      { ...opts, customTimeouts: { create: "60m", update: "60m", delete: "1m" } },
    );
  }
}
