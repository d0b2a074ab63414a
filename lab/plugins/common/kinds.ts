/**
 * How a stand-in provider plugin is described: its resource kinds, their input properties and what they do.
 * Everything generic (refusing unknown properties, defaults, secrets, unknowns, diff) is done from this
 * description by the files beside this one.
 */

/** A resource's plain properties: no secret wrappers, no undefined. */
export type Values = Record<string, unknown>;

/** What a property's value must look like. `any` takes everything, assets included. */
export type PropertyType = "string" | "integer" | "number" | "boolean" | "list" | "map" | "object" | "any";

/** One input property, as the official provider's schema describes it. */
export interface Property {
  type: PropertyType;
  /** Refused when missing. */
  required?: boolean;
  /** A change replaces the resource. Has effect on top-level properties. */
  forceNew?: boolean;
  /** Always marked secret. */
  secret?: boolean;
  /** Put in when the property is missing. */
  default?: unknown;
  /**
   * Where it is not given, the provider fills it in: unknown at the preview of a new resource, and what it was in that of
   * an old one. To give it no more is no change. Has effect on top-level properties.
   */
  computed?: boolean;
  /** Element description of a list or a map. */
  of?: Property;
  /** The fields of an object; any other field is refused by name. */
  fields?: Record<string, Property>;
  /** The official provider knows this property, the stand-in does not: refused by name, with this advice. */
  unimplemented?: string;
  /** Says what is wrong with a known value (never quoting a secret), or undefined. */
  validate?(value: unknown): string | undefined;
  /** Whether a changed value (undefined: none is given) means what the old one meant, and is no change. On top-level properties. */
  same?(old: unknown, now: unknown): boolean;
}

/** One property that the provider computes. */
export interface Computed {
  /** Always marked secret. */
  secret?: boolean;
  /** Keeps its value when the resource is updated, so a preview of an update knows it. */
  stable?: boolean;
}

/** An input that is wrong, and why. */
export interface CheckFailure {
  property: string;
  reason: string;
}

/** What an operation may use of its surroundings. */
export interface Call {
  urn: string;
  /** The resource's logical name. */
  name: string;
  /** The resource's own time limit (customTimeouts); 0 without one. */
  seconds: number;
  /** Aborted when the engine cancels or the resource's own time limit (customTimeouts) is over. */
  signal: AbortSignal;
  /** Sends a line to the engine's log. A `status` line is shown while the operation runs, and not kept. */
  log(line: string, severity?: "debug" | "info" | "warning" | "error" | "status"): void;
}

/** One resource type. */
export interface ResourceKind {
  /** Full type token, e.g. "random:index/randomId:RandomId". */
  token: string;
  inputs: Record<string, Property>;
  /** The properties that are no inputs. */
  outputs: Record<string, Computed>;
  /** Rules across properties. Unknown values are `UNKNOWN`: see `isUnknown`. */
  check?(inputs: Values): CheckFailure[];
  /** Names of properties that must lead to a replacement although their own description does not say so. */
  mustReplace?(state: Values, inputs: Values): string[];
  /**
   * Inputs as a preview shows them, where the provider fills in a part of them: that part is `UNKNOWN` before the
   * resource is made, and what it was before an update.
   * @param inputs in wire form, as is what is answered.
   * @param state of the resource that is updated.
   */
  planned?(inputs: Values, state?: Values): Values;
  /**
   * Makes the resource; answers its id and every computed output. Never called at preview.
   * @throws PartlyMade when the resource is there, but not as it should be.
   */
  create(inputs: Values, call: Call): Promise<{ id: string; outputs: Values }>;
  /**
   * Reads the real thing; undefined when it is gone. Without it, a refresh answers the state as it is.
   * @param inputs what was asked for; empty when the resource is imported.
   */
  read?(id: string, state: Values, call: Call, inputs: Values): Promise<ReadResult | undefined>;
  /** Changes it in place; answers every computed output. Without it, every change is a replacement. */
  update?(id: string, state: Values, inputs: Values, call: Call): Promise<Values>;
  /** Removes it. Without it there is nothing to remove. */
  delete?(id: string, state: Values, call: Call): Promise<void>;
}

export interface ReadResult {
  id: string;
  inputs: Values;
  outputs: Values;
}

/** A whole plugin. */
export interface ProviderKind {
  /** Package name, e.g. "random". */
  name: string;
  /** The official version whose behaviour it stands in for. */
  version: string;
  resources: ResourceKind[];
  /** The provider's own configuration. */
  config?: Record<string, Property>;
  /** Takes the configuration over, once, before any other call. Values unknown at preview are `UNKNOWN`. */
  configure?(config: Values, call: Call): Promise<void>;
  /** Functions (data sources) by token. */
  functions?: Record<string, (args: Values, call: Call) => Promise<Values>>;
}
