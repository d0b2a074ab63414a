import { createHash } from "node:crypto";
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ApplyResult } from "../provisioning/apply";
import { hostPort } from "../topology/members";
import type { Role } from "../topology/model";
import { portNumbers } from "../topology/ports";
import { inputOf, type ServiceAccess, type SupportAccess, supportProgram } from "./access";
import type { VaultLogin } from "./vault-rights";

/** One server whose restarts are a matter of its group. */
export interface RolloutServer {
  /** Its logical name. */
  readonly machine: string;
  readonly roles: readonly Role[];
  /** Its name as a node: the machine's host name. */
  readonly node: pulumi.Input<string>;
  /** The address that members use. */
  readonly address: pulumi.Input<string>;
  /** Its host key, OpenSSH public format. */
  readonly hostKey: pulumi.Input<string>;
  /** The Command that made it what it is, and answered what waits for a restart. */
  readonly applied: command.remote.Command;
}

export interface RolloutArgs {
  readonly servers: readonly RolloutServer[];
  /** Nomad's region. */
  readonly region: string;
  /** The login on the servers. */
  readonly user: string;
  /** Support's own key for restarts, OpenSSH. */
  readonly privateKey: pulumi.Input<string>;
  readonly consul: pulumi.Input<ServiceAccess>;
  readonly vault: pulumi.Input<ServiceAccess>;
  readonly nomad: pulumi.Input<ServiceAccess>;
  readonly vaultLogin: pulumi.Input<VaultLogin>;
  /** Limit for each wait: before a restart until all others are well, after it until the server is back. Default 120. */
  readonly waitSeconds?: number;
}

/** What of a machine's set-up makes a rollout. */
export interface PendingRestarts {
  readonly pending: readonly string[];
  /** Which change waits: the next one may leave the same units pending and must run all the same. */
  readonly change?: string;
}

/**
 * Reads what a machine's set-up left to be restarted.
 *
 * @param stdout the answer of `machine/apply.py`
 * @param stdin what it was told
 */
export function pendingRestarts(stdout: string, stdin: string | undefined): PendingRestarts {
  const { pending = [] } = JSON.parse(stdout) as Partial<ApplyResult>;
  if (pending.length === 0) return { pending };
  return {
    pending,
    change: createHash("sha256")
      .update(stdin ?? "")
      .digest("hex"),
  };
}

const apiPorts = {
  consul: portNumbers.consulApi,
  vault: portNumbers.vaultApi,
  nomad: portNumbers.nomadApi,
} as const;

/** Where a server's own APIs answer, by service. */
function apisOf(roles: readonly Role[], address: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(apiPorts).flatMap(([service, port]) =>
      roles.includes(`${service}-server` as Role) ? [[service, hostPort(address, port)]] : [],
    ),
  );
}

/**
 * Restarts the servers whose new configuration waits for it: one unit of one machine at a time, each time only while all
 * others of that service are healthy voters, and goes on when the restarted one is again. A failure names machine and
 * unit and leaves the others as they are; the next run takes it up. Where nothing waits, it asks nobody.
 */
export function rollOut(
  support: SupportAccess,
  args: RolloutArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  const waitSeconds = args.waitSeconds ?? 120;
  const servers = args.servers.map(({ machine, roles, node, address, hostKey, applied }) =>
    pulumi
      .all([node, address, hostKey, applied.stdout, applied.stdin])
      .apply(([node, address, hostKey, stdout, stdin]) => ({
        machine,
        node,
        address,
        hostKey,
        roles,
        apis: apisOf(roles, address),
        ...pendingRestarts(stdout, stdin),
      })),
  );
  const units = args.servers.flatMap(({ roles }) => Object.keys(apisOf(roles, ""))).length;
  return supportProgram(
    "rollout",
    support,
    {
      program: "rollout",
      imports: ["quorum"],
      input: inputOf({
        servers: pulumi.all(servers),
        consul: args.consul,
        vault: args.vault,
        nomad: args.nomad,
        vaultLogin: args.vaultLogin,
        region: args.region,
        user: args.user,
        privateKey: args.privateKey,
        waitSeconds,
      }),
      // Each wait has its own limit; this one is for all that could be slow together.
      timeoutSeconds: 60 + units * 2 * waitSeconds,
    },
    opts,
  );
}
