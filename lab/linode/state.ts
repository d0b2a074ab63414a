import { images } from "./catalog.js";
import { notFound, refuse } from "./errors.js";
import { Faults } from "./faults.js";
import type { MachineOrder } from "./machines.js";
import type {
  Config,
  Disk,
  Domain,
  DomainRecord,
  Event,
  Firewall,
  FirewallDevice,
  Image,
  Linode,
  PlacementGroup,
  StackScript,
  Subnet,
  VPC,
} from "./types.js";

/** Everything that the emulated account has. Things are kept as Linode answers them, in Linode's own types. */

/** An instance and what belongs to it. */
export interface Instance {
  readonly view: Linode;
  readonly configs: Config[];
  readonly disks: Disk[];
  readonly order: MachineOrder;
  /** By a fault: it is told to run, but there is no machine. */
  mute: boolean;
  /** The end of its last job: one follows the other. */
  last: Promise<void>;
}

export interface State {
  /** Milliseconds that an instance's step takes besides the machine's own time. */
  readonly paceMs: number;
  readonly instances: Map<number, Instance>;
  readonly firewalls: Map<number, { readonly view: Firewall; readonly devices: FirewallDevice[] }>;
  readonly vpcs: Map<number, VPC>;
  readonly groups: Map<number, PlacementGroup>;
  readonly stackScripts: Map<number, StackScript>;
  readonly domains: Map<number, { readonly view: Domain; readonly records: DomainRecord[] }>;
  /** Images that were made of disks here; the catalogue has the others. */
  readonly images: Map<number, Image>;
  readonly events: Event[];
  readonly faults: Faults;
  /** How often each route was asked. Example: "GET /linode/instances/:linodeId" → 12. */
  readonly calls: Map<string, number>;
  /** Says aloud what an operator should know. */
  readonly say: (words: string) => void;
}

export const emptyState = (paceMs: number, say: (words: string) => void): State => ({
  paceMs,
  instances: new Map(),
  firewalls: new Map(),
  vpcs: new Map(),
  groups: new Map(),
  stackScripts: new Map(),
  domains: new Map(),
  images: new Map(),
  events: [],
  faults: new Faults(),
  calls: new Map(),
  say,
});

let lastId = 1000;

/** An id: unlike in all kinds, so that one taken for another is seen. */
export const nextId = (): number => ++lastId;

/** The present time as Linode writes it: UTC, whole seconds, no zone. */
export const now = (): string => new Date().toISOString().slice(0, 19);

/** What has the id in a path. Throws 404. */
export function find<T>(things: ReadonlyMap<number, T>, id: string): T {
  const thing = /^\d+$/.test(id) ? things.get(Number(id)) : undefined;
  if (thing === undefined) throw notFound();
  return thing;
}

/** All images that the account can use. */
export const imagesOf = (state: State): Image[] => [...images, ...state.images.values()];

/** The subnet with this id and its VPC; undefined where there is none. */
export function subnetOf(
  state: State,
  id: number | undefined | null,
): { vpc: VPC; subnet: Subnet } | undefined {
  for (const vpc of state.vpcs.values()) {
    const subnet = vpc.subnets.find((one) => one.id === id);
    if (subnet) return { vpc, subnet };
  }
  return undefined;
}

/** Refuses a label that another thing of its kind has. */
export function assertFree(labels: Iterable<string>, label: string): void {
  for (const other of labels) if (other === label) refuse("Label must be unique among your own.", "label");
}

/** Refuses tags that Linode refuses: 3 to 50 characters. */
export function readTags(value: unknown): string[] {
  const tags = Array.isArray(value) ? value.map(String) : [];
  for (const tag of tags) {
    if (tag.length < 3 || tag.length > 50) refuse("Tag must be between 3 and 50 characters.", "tags");
  }
  return [...new Set(tags)];
}

/** A body's property that is text; undefined where it is none. */
export const textAt = (body: Readonly<Record<string, unknown>>, key: string): string | undefined =>
  typeof body[key] === "string" ? (body[key] as string) : undefined;
