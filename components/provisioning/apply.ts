import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { renderZoneXml } from "./firewalld";
import { mergePlans, type PlanFrame } from "./merge";
import type { MachinePlan, PlanFragment, PlannedSigner } from "./plan";
import { type Connection, remoteProgram } from "./remote";
import { renderRenewal } from "./renewal";

export interface MachineApplyArgs {
  /** The machine's logical name: first word of every error. */
  machine: string;
  /** The name that it calls itself. Example: "dev-control-a-1f2e3d4c". */
  hostname: pulumi.Input<string>;
  /** How it is reached: verified by its own host key. */
  connection: pulumi.Input<Connection>;
  /** The cloud's id: another machine is set up anew, though it has the addresses and keys of the one before. */
  machineId: pulumi.Input<string>;
  /** What each role asks for, by the role's name; units start in this order. */
  fragments: Record<string, pulumi.Input<PlanFragment>>;
  /** Where its certificates are signed. Default: nowhere, and no role asks for one. */
  signer?: pulumi.Input<PlannedSigner>;
  /** Limit for the whole run. Default 600. */
  timeoutSeconds?: number;
}

/** What `machine/apply.py` takes: the plan, with each zone also as firewalld's file. */
export interface ApplyInput extends MachinePlan {
  readonly zones: readonly (MachinePlan["zones"][number] & { readonly xml: string })[];
}

/** What `machine/apply.py` answers: what it did, and the units that wait for their turn to restart. */
export interface ApplyResult {
  readonly changed: string[];
  readonly pending: string[];
}

/** The whole of what a machine is told, from its roles' fragments. Pure but for reading the library's own programs. */
export function renderApplyInput(
  frame: PlanFrame,
  fragments: Readonly<Record<string, PlanFragment>>,
): ApplyInput {
  const certificates = mergePlans(frame, fragments).certificates;
  const renewal = renderRenewal({ certificates, signer: frame.signer });
  const plan = mergePlans(frame, { ...fragments, "certificate renewal": renewal });
  return { ...plan, zones: plan.zones.map((zone) => ({ ...zone, xml: renderZoneXml(zone) })) };
}

/**
 * Makes a machine what its roles ask for, in one SSH session. It starts what does not run and waits for what the machine
 * itself can show; a server's restart is only marked (`ApplyResult.pending`), for its turn in the group.
 *
 * @returns the Command; its `stdout` is an {@link ApplyResult} as JSON.
 */
export function applyPlan(
  name: string,
  args: MachineApplyArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  const fragments: pulumi.Output<Record<string, PlanFragment>> = pulumi.all(args.fragments);
  const known = pulumi.all([args.hostname, args.signer, fragments]);
  return remoteProgram(
    `${name}-apply`,
    {
      machine: args.machine,
      connection: args.connection,
      program: "provisioning/machine/apply",
      imports: ["host", "leaf", "leaving", "observed", "packages", "programs"].map(
        (module) => `provisioning/machine/${module}`,
      ),
      input: pulumi.secret(
        known.apply(([hostname, signer, roles]) =>
          renderApplyInput(
            { machine: args.machine, hostname, ...(signer === undefined ? {} : { signer }) },
            roles,
          ),
        ),
      ),
      timeoutSeconds: args.timeoutSeconds ?? 600,
      triggers: [args.machineId],
    },
    opts,
  );
}
