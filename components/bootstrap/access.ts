import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Connection, remoteProgram } from "../provisioning/remote";

/**
 * How the programs on support reach the cluster. Whoever does something to the running cluster, a job for instance,
 * takes a `ClusterAccess`.
 */

/** One service's API as a program sees it. */
export interface ServiceAccess {
  /** "host:port", tried in turn. Example: ["[fd00:1ab::12]:8501", "198.51.100.12:8501"]. */
  readonly addresses: readonly string[];
  /** The service's root certificate, PEM. */
  readonly caPem: string;
  /** The name to find in the server's certificate. Example: "server.dc1.consul". */
  readonly serverName: string;
  /** Absent where the API needs none. */
  readonly token?: string;
}

/** The machine from which the cluster is worked on. */
export interface SupportAccess {
  /** Its logical name. */
  readonly machine: string;
  /** How it is reached: verified by its own host key. Secret. */
  readonly connection: pulumi.Input<Connection>;
  /** Goes with the machine, and everything that only it could undo goes with this: `ClusterMachine.enrolled`. */
  readonly resource: pulumi.Resource;
}

/** A cluster that can be worked on. Each service becomes known when it is ready to be used. */
export interface ClusterAccess {
  /** From where it is worked on. */
  readonly support: SupportAccess;
  /** Consul's API, with the program's own management token. */
  readonly consul: pulumi.Input<ServiceAccess>;
  /** Nomad's API, with the management token. */
  readonly nomad: pulumi.Input<ServiceAccess>;
  /** Vault's API; it has no token, one logs in. */
  readonly vault: pulumi.Input<ServiceAccess>;
}

export interface SupportProgramArgs {
  /** Base name of the file in components/bootstrap/machine. Example: "nomad_bootstrap". */
  program: string;
  /** Files of the same folder that it imports besides cluster_api. */
  imports?: string[];
  /** JSON-able; a secret in the state. */
  input: pulumi.Output<object>;
  /** Limit for the whole program. */
  timeoutSeconds: number;
  onDelete?: boolean;
  triggers?: pulumi.Input<unknown[]>;
}

/** Runs a program of components/bootstrap/machine on support; it goes unasked when support itself goes. */
export function supportProgram(
  name: string,
  support: SupportAccess,
  args: SupportProgramArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  return remoteProgram(
    name,
    {
      machine: support.machine,
      connection: support.connection,
      program: `bootstrap/machine/${args.program}`,
      imports: ["cluster_api", ...(args.imports ?? [])].map((file) => `bootstrap/machine/${file}`),
      input: args.input,
      timeoutSeconds: args.timeoutSeconds,
      onDelete: args.onDelete,
      triggers: args.triggers,
    },
    { deletedWith: support.resource, ...opts },
  );
}

/** An object of inputs as one output. */
export function inputOf(values: Record<string, pulumi.Input<unknown>>): pulumi.Output<object> {
  return pulumi.output(values) as pulumi.Output<object>;
}
