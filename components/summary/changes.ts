import type { CloudSettings } from "../settings/model";
import { monthlyCost, sumOf } from "./cost";
import type { DeployedMachine, MachineChange, PlanChanges, PlannedMachine, PlanSummary } from "./model";

/**
 * What a plan would change about machines that are there.
 * @param deployed what is known of them, from the state; what was resized is told by its size of now
 * @param cloud by whose prices both are counted, so that a change of the price list is no change of the plan
 */
export function changesSince(
  deployed: readonly DeployedMachine[],
  plan: PlanSummary,
  cloud: CloudSettings,
): PlanChanges {
  const before = new Map(deployed.map((one) => [one.name, one]));
  const after = new Set(plan.machines.map(({ name }) => name));
  const costs = deployed.map((one) => monthlyCost(cloud, one));
  const cost =
    plan.cost && plan.cost.unpriced.length === 0 && costs.every((one) => one !== undefined)
      ? { currency: plan.cost.currency, before: sumOf(costs), after: plan.cost.monthly }
      : undefined;
  return {
    added: plan.machines.map(({ name }) => name).filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: plan.machines.flatMap((machine) => {
      const was = before.get(machine.name);
      return was ? changesOf(was, machine, cloud.kind) : [];
    }),
    ...(cost ? { cost } : {}),
  };
}

/** Whether anything is different. */
export function isChange({ added, removed, changed }: PlanChanges): boolean {
  return added.length + removed.length + changed.length > 0;
}

/** Names of the machines that are not what the plan says, and will not be unless they are made anew. */
export function outdated({ changed }: PlanChanges): string[] {
  return [...new Set(changed.filter(({ waits }) => waits).map(({ machine }) => machine))];
}

/** What of a machine is another word; what was not known of it is none. */
function changesOf(was: DeployedMachine, is: PlannedMachine, cloud: CloudSettings["kind"]): MachineChange[] {
  const words = (roles: readonly string[]) => [...roles].sort().join(" ");
  const disk = (gb: number | undefined) => (gb === undefined ? "the host's disk" : `volume of ${gb} GiB`);
  const onOff = (on: boolean) => (on ? "on" : "off");
  // What the adapters hold a machine to from its birth on (fromBirth).
  const all: [MachineChange["what"], string | undefined, string | undefined, boolean][] = [
    ["roles", was.roles && words(was.roles), words(is.roles), false],
    ["class", was.nodeClass, is.nodeClass ?? "none", false],
    ["size", was.size, is.size ?? "none", true],
    ["image", was.image, is.image, true],
    ["public address", was.publicAddress, is.publicAddress, cloud === "linode"],
    ["backups", was.backups === undefined ? undefined : onOff(was.backups), onOff(is.backups), false],
    ["volume", "volumeGb" in was ? disk(was.volumeGb) : undefined, disk(is.volumeGb), true],
  ];
  return all.flatMap(([what, from, to, waits]) =>
    from === undefined || to === undefined || from === to
      ? []
      : [{ machine: is.name, what, from, to, waits }],
  );
}
