import type {
  MachinePlan,
  Notice,
  PlanFragment,
  PlannedCertificate,
  PlannedCheck,
  PlannedFile,
  PlannedUnit,
  PlannedZone,
} from "./plan";

/** What a machine's plan has beside its roles' fragments. */
export type PlanFrame = Pick<MachinePlan, "machine" | "hostname" | "signer">;

/** Two fragments of one machine that cannot both be. The message is one sentence for the user. */
export class PlanError extends Error {}

/** An item, and the fragment that brought it first. */
interface Placed<T> {
  item: T;
  from: string;
}

/**
 * Makes one list of all fragments' items of a kind. Items with the same key must agree, or `join` must be able to make
 * one of the two.
 */
function gather<T>(
  machine: string,
  fragments: Readonly<Record<string, PlanFragment>>,
  pick: (fragment: PlanFragment) => readonly T[] | undefined,
  what: (item: T) => string,
  join: (first: T, second: T) => T | undefined = (first, second) => (same(first, second) ? first : undefined),
): T[] {
  const found = new Map<string, Placed<T>>();
  for (const [from, fragment] of Object.entries(fragments)) {
    for (const item of pick(fragment) ?? []) {
      const key = what(item);
      const first = found.get(key);
      const joined = first ? join(first.item, item) : item;
      if (first && joined === undefined) {
        const both = first.from === from ? `twice in ${from}` : `by ${first.from} and by ${from}`;
        throw new PlanError(`${machine}: ${key} is asked for ${both}, and the two differ.`);
      }
      found.set(key, { item: joined ?? item, from: first?.from ?? from });
    }
  }
  return [...found.values()].map((placed) => placed.item);
}

/** Structural equality of plain data, whatever the order of its keys. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(Reflect.get(a, key), Reflect.get(b, key)));
}

function union<T>(first: readonly T[], second: readonly T[]): T[] {
  return [...first, ...second.filter((item) => !first.some((known) => same(known, item)))];
}

/** Equal but for who takes notice: then all do. */
function joinNotices<T extends { readonly notifies?: readonly Notice[] }>(
  first: T,
  second: T,
): T | undefined {
  if (!same({ ...first, notifies: [] }, { ...second, notifies: [] })) return undefined;
  const notifies = union(first.notifies ?? [], second.notifies ?? []);
  return notifies.length > 0 ? { ...first, notifies } : first;
}

function joinZones(first: PlannedZone, second: PlannedZone): PlannedZone {
  const descriptions = union([first.description], [second.description]);
  return {
    name: first.name,
    sources: union(first.sources, second.sources),
    ports: union(first.ports, second.ports),
    ...(first.leaversLinger && second.leaversLinger ? { leaversLinger: true } : {}),
    description: descriptions.join(" "),
  };
}

/** The last part of "host:port". */
function portOf(check: PlannedCheck): string {
  return check.target.slice(check.target.lastIndexOf(":") + 1);
}

function refuseSharedPorts(machine: string, checks: readonly PlannedCheck[]): void {
  const listeners = new Map<string, PlannedCheck>();
  for (const check of checks.filter((c) => c.kind === "tcp")) {
    const first = listeners.get(portOf(check));
    if (first && first.journalOf !== check.journalOf) {
      throw new PlanError(
        `${machine}: port ${portOf(check)} is wanted by ${first.journalOf} and by ${check.journalOf}.`,
      );
    }
    listeners.set(portOf(check), check);
  }
}

/** The limit of firewalld: a chain's name in the kernel has 28 characters, 11 of them are firewalld's. */
export const zoneNameLimit = 17;

function refuseSharedSources(machine: string, zones: readonly PlannedZone[]): void {
  const owner = new Map<string, string>();
  for (const zone of zones) {
    if (zone.name.length > zoneNameLimit) {
      throw new PlanError(
        `${machine}: firewalld takes at most ${zoneNameLimit} characters for a zone, ${zone.name} has more.`,
      );
    }
    for (const source of zone.sources) {
      const first = owner.get(source);
      if (first !== undefined) {
        throw new PlanError(`${machine}: zones ${first} and ${zone.name} both claim the source ${source}.`);
      }
      owner.set(source, zone.name);
    }
  }
}

/**
 * Makes one plan of what a machine's roles ask for.
 *
 * Equal items are one; zones of one name add up; files and certificates that differ only in who takes notice tell all.
 *
 * @param frame who the machine is.
 * @param fragments by the name of whoever asks. Example: `{ "consul-server": …, "vault-server": … }`. Their order is the
 * order in which units start.
 * @throws PlanError naming both sides of a clash: a path, unit, user, program or certificate asked for in two ways; a
 * port that two units listen on; a source in two zones.
 */
export function mergePlans(frame: PlanFrame, fragments: Readonly<Record<string, PlanFragment>>): MachinePlan {
  const machine = frame.machine;
  const zones = gather(
    machine,
    fragments,
    (f) => f.zones,
    (z) => `zone ${z.name}`,
    joinZones,
  );
  const checks = gather(
    machine,
    fragments,
    (f) => f.checks,
    (c) => `check "${c.what}"`,
  );
  refuseSharedPorts(machine, checks);
  const unsigned = frame.signer ? undefined : Object.values(fragments).find((f) => f.certificates?.length);
  if (unsigned) {
    const [{ directory } = { directory: "" }] = unsigned.certificates ?? [];
    throw new PlanError(`${machine}: the certificate in ${directory} needs a signer, and there is none.`);
  }
  refuseSharedSources(machine, zones);
  return {
    ...frame,
    packages: [...new Set(Object.values(fragments).flatMap((f) => f.packages ?? []))],
    users: gather(
      machine,
      fragments,
      (f) => f.users,
      (u) => `user ${u.name}`,
    ),
    directories: gather(
      machine,
      fragments,
      (f) => f.directories,
      (d) => `directory ${d.path}`,
    ),
    programs: gather(
      machine,
      fragments,
      (f) => f.programs,
      (p) => `program ${p.name}`,
    ),
    files: gather<PlannedFile>(
      machine,
      fragments,
      (f) => f.files,
      (f) => `file ${f.path}`,
      joinNotices,
    ),
    zones,
    certificates: gather<PlannedCertificate>(
      machine,
      fragments,
      (f) => f.certificates,
      (c) => `certificate in ${c.directory}`,
      joinNotices,
    ),
    units: gather<PlannedUnit>(
      machine,
      fragments,
      (f) => f.units,
      (u) => `unit ${u.name}`,
    ),
    checks,
  };
}

/**
 * One fragment of several that one role renders, in their order. Nothing is compared here: what they ask for twice or in
 * two ways shows in {@link mergePlans}.
 */
export function joinFragments(...fragments: readonly PlanFragment[]): PlanFragment {
  return {
    packages: fragments.flatMap((f) => f.packages ?? []),
    users: fragments.flatMap((f) => f.users ?? []),
    directories: fragments.flatMap((f) => f.directories ?? []),
    programs: fragments.flatMap((f) => f.programs ?? []),
    files: fragments.flatMap((f) => f.files ?? []),
    zones: fragments.flatMap((f) => f.zones ?? []),
    certificates: fragments.flatMap((f) => f.certificates ?? []),
    units: fragments.flatMap((f) => f.units ?? []),
    checks: fragments.flatMap((f) => f.checks ?? []),
  };
}
