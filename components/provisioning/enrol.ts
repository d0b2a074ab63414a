import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Connection, remoteProgram } from "./remote";

export interface EnrolArgs {
  /** The machine's logical name: first word of every error. */
  machine: string;
  /** How it is reached for the first time: `hostKey` is the throw-away one (ECDSA). */
  connection: pulumi.Input<Connection>;
  /** The cloud's id: another machine is enrolled anew. */
  machineId: pulumi.Input<string>;
  /** The machine's own host key, ed25519, OpenSSH private format. */
  hostKey: pulumi.Input<string>;
}

/**
 * Gives a new machine its own host key, once in its life.
 *
 * The throw-away key is ECDSA, the machine's own ed25519: sshd offers both side by side, and a client that pins one asks
 * for its kind. So a run that was cut after the key lay there, but before the state was written, finds the throw-away
 * one again and repeats; the machine's first apply, which comes over its own key, takes it away.
 *
 * Nothing but another machine runs this again: what changes here later (this library's text, the login's key, an
 * address) must not, since the throw-away key is gone. The engine's replacement takes the new values of all of it.
 */
export function enrol(
  name: string,
  args: EnrolArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  return remoteProgram(
    `${name}-enrol`,
    {
      machine: args.machine,
      connection: args.connection,
      program: "provisioning/machine/enrol",
      imports: ["provisioning/machine/host"],
      input: pulumi.secret(
        pulumi.output(args.hostKey).apply((hostKey) => ({ hostKey, cloudInitSeconds: 240 })),
      ),
      timeoutSeconds: 300,
      triggers: [args.machineId],
    },
    {
      ...opts,
      ignoreChanges: ["connection", "create", "update", "stdin", "logging", "addPreviousOutputInEnv"],
    },
  );
}
