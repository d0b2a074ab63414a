/**
 * What a cloud may have that the state does not know: machines and their like whose making was cut off, or whose answer
 * was lost. Only what this state's own names prove to be ours is touched; everything else of the account is left alone.
 */
import { parseUrn } from "./events";
import type { StateResource } from "./replace";

/** A create that was begun and not ended. */
export interface PendingCreate {
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** The parts of the engine's export that tell what is ours. */
export interface Known {
  /** Names that this state made at random for its machines: nobody else's machine has one of them. */
  readonly machineNames: ReadonlySet<string>;
  /** Ids by type. */
  readonly ids: ReadonlyMap<string, ReadonlySet<string>>;
  readonly pending: readonly PendingCreate[];
}

/** What `pulumi stack export` prints, as far as it is needed. */
export interface Exported {
  deployment?: {
    resources?: StateResource[];
    pending_operations?: {
      type: string;
      resource: { urn: string; type?: string; inputs?: Record<string, unknown> };
    }[];
  };
}

/** Reads what is ours out of `pulumi stack export`. Pure. */
export function knownOf(exported: Exported): Known {
  const resources = exported.deployment?.resources ?? [];
  const ids = new Map<string, Set<string>>();
  for (const { type, id } of resources) {
    if (id) ids.set(type, (ids.get(type) ?? new Set()).add(id));
  }
  const names = resources
    .filter(({ type }) => type === "random:index/randomId:RandomId")
    .map(({ outputs }) => outputs?.hex)
    .filter((hex) => typeof hex === "string");
  const pending = (exported.deployment?.pending_operations ?? [])
    .filter(({ type }) => type === "creating")
    .map(({ resource }) => ({ type: parseUrn(resource.urn).type, inputs: resource.inputs ?? {} }));
  return { machineNames: new Set(names), ids, pending };
}

/** One thing at a cloud. */
export interface Thing {
  /** The type that it would be in the state. */
  readonly type: string;
  readonly id: string;
  /** As an operator knows it. Example: "machine prod-control-a-1f2e3d4c". */
  readonly what: string;
  /** Where the cloud's API has it. Example: "linode/instances/123". */
  readonly path: string;
  /** What its create's inputs would say of it. Example: { label: "prod" }. */
  readonly matches: Readonly<Record<string, unknown>>;
  /** Whether anything is in it or uses it: then it is never an unfinished create's. */
  readonly used: boolean;
}

/** The type whose labels are this state's random names. */
export const machineType = "linode:index/instance:Instance";

/**
 * Which of a cloud's things are left over. A machine: one that has a name of ours and an id that the state does not know. Anything
 * else: one that nobody uses, that the state does not know, and that is just what a create that was cut had begun to make. Pure.
 */
export function straysAmong(things: readonly Thing[], known: Known): Thing[] {
  return things.filter(({ type, id, matches, used }) => {
    if (known.ids.get(type)?.has(id)) return false;
    if (type === machineType) return known.machineNames.has(String(matches.label));
    return !used && known.pending.some((begun) => begun.type === type && agrees(begun.inputs, matches));
  });
}

/** Whether inputs say all of this; what is sealed or was not known yet says nothing. */
function agrees(
  inputs: Readonly<Record<string, unknown>>,
  matches: Readonly<Record<string, unknown>>,
): boolean {
  return Object.entries(matches).every(([key, value]) => String(inputs[key]) === String(value));
}

const clusterMachine = "pulumi-hashistack:index:ClusterMachine";
const command = "command:remote:Command";
/** How the Command that enrols a machine is named: the machine, and this. */
const ENROL = "-enrol";

/**
 * Machines of a cluster that were made and never enrolled: their making failed, they never answered, or the run was cut in
 * between. Nothing is on them, and nobody has a key to them but the state's throw-away one. Those that have a
 * successor go by themselves. One whose enrolment does not say in clear which machine it was of is none of them: what is
 * told here is deleted. Pure.
 */
export function unfinishedAmong(exported: Exported): StateResource[] {
  const resources = exported.deployment?.resources ?? [];
  const enrolled = new Set<string>();
  const unread = new Set<string>();
  for (const { type, urn, inputs } of resources) {
    const { name } = parseUrn(urn);
    if (type !== command || !name.endsWith(ENROL)) continue;
    const ids: unknown[] = Array.isArray(inputs?.triggers) ? inputs.triggers : [];
    if (ids.length === 0 || ids.some((id) => typeof id !== "string"))
      unread.add(name.slice(0, -ENROL.length));
    for (const id of ids) enrolled.add(String(id));
  }
  return resources.filter(
    ({ urn, type, id, parent, delete: succeeded }) =>
      type === machineType &&
      id &&
      !succeeded &&
      parent &&
      parseUrn(parent).type === clusterMachine &&
      !enrolled.has(id) &&
      !unread.has(parseUrn(urn).name),
  );
}

/**
 * The state without these resources, and without anything that points at them: what stands on them is told of their
 * successors by the next run. Pure.
 */
export function without<T extends Exported>(exported: T, gone: readonly StateResource[]): T {
  const urns = new Set(gone.map(({ urn }) => urn));
  const resources = (exported.deployment?.resources ?? []).filter((one) => !gone.includes(one));
  // One that has a successor bears its name, and may still be pointed at.
  for (const { urn } of resources) urns.delete(urn);
  return {
    ...exported,
    deployment: { ...exported.deployment, resources: resources.map((one) => unpointed(one, urns)) },
  };
}

function unpointed(resource: StateResource, urns: ReadonlySet<string>): StateResource {
  const { dependencies, propertyDependencies, deletedWith, ...others } = resource as StateResource & {
    dependencies?: readonly string[];
    propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
    deletedWith?: string;
  };
  const left = (all: readonly string[] | null | undefined) => all?.filter((urn) => !urns.has(urn)) ?? null;
  return {
    ...others,
    ...(dependencies ? { dependencies: left(dependencies) } : {}),
    ...(propertyDependencies
      ? {
          propertyDependencies: Object.fromEntries(
            Object.entries(propertyDependencies).map(([property, all]) => [property, left(all)]),
          ),
        }
      : {}),
    ...(deletedWith && !urns.has(deletedWith) ? { deletedWith } : {}),
  };
}
