import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { readAsset } from "./assets";
import { packBundle, unpackInPython } from "./bundle";

/**
 * The one place that runs anything on a machine. A program is a real Python file of this library; it and its input
 * travel together on the standard input of one SSH session, so nothing of it shows in an argument or the environment.
 */

/** How a machine is reached. */
export type Connection = command.types.input.remote.ConnectionArgs;

export interface RemoteProgramArgs {
  /** The machine's logical name: first word of every error. */
  machine: string;
  connection: pulumi.Input<Connection>;
  /** The program's file below components/, without ".py". Example: "provisioning/machine/apply". */
  program: string;
  /** Files that it imports by their base name. Example: ["bootstrap/machine/cluster_api"]. */
  imports?: string[];
  /** JSON-able; kept as a secret in the state. */
  input: pulumi.Output<object>;
  /** Limit for the whole program. */
  timeoutSeconds: number;
  /** Whether the program has a `delete` that runs when the resource goes. Default false. */
  onDelete?: boolean;
  /** Values whose change runs `delete` and then `create`. */
  triggers?: pulumi.Input<unknown[]>;
}

/** The last part of a module's path is its name in Python. */
function moduleName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function commandLine(verb: "create" | "update" | "delete"): string {
  return `sudo -n /usr/bin/python3 -I -c "${unpackInPython}" ${verb}`;
}

/**
 * Runs a program on a machine when it is created, and again when its input or text changes. What the program returns
 * is the JSON in `stdout`.
 */
export function remoteProgram(
  name: string,
  args: RemoteProgramArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  const modules = Object.fromEntries(
    [args.program, ...(args.imports ?? [])].map((path) => [moduleName(path), readAsset(`${path}.py`)]),
  );
  const bundle = args.input.apply((input) =>
    packBundle({
      loader: readAsset("provisioning/machine/loader.py"),
      machine: args.machine,
      program: moduleName(args.program),
      modules,
      timeoutSeconds: args.timeoutSeconds,
      input,
    }),
  );
  const limit = `${args.timeoutSeconds + 60}s`;
  return new command.remote.Command(
    name,
    {
      connection: args.connection,
      create: commandLine("create"),
      update: commandLine("update"),
      ...(args.onDelete ? { delete: commandLine("delete") } : {}),
      stdin: pulumi.secret(bundle),
      ...(args.triggers ? { triggers: args.triggers } : {}),
      logging: "none",
      addPreviousOutputInEnv: false,
    },
    {
      ...opts,
      additionalSecretOutputs: ["stdout", "stderr"],
      customTimeouts: { create: limit, update: limit, delete: limit },
    },
  );
}
