/** From the engine's events to what a person wants to see: phases, counts, what is going on, what failed. Pure. */

/** The parts of an engine event that are looked at (one JSON line of `pulumi up --json`). */
export interface EngineEvent {
  readonly timestamp?: number;
  readonly diagnosticEvent?: {
    readonly urn?: string;
    readonly prefix?: string;
    readonly message: string;
    readonly severity: string;
    readonly ephemeral?: boolean;
  };
  readonly resourcePreEvent?: { readonly metadata: StepMetadata };
  readonly resOutputsEvent?: { readonly metadata: StepMetadata };
  readonly resOpFailedEvent?: { readonly metadata: StepMetadata };
  readonly summaryEvent?: {
    readonly durationSeconds: number;
    readonly resourceChanges: Readonly<Record<string, number>>;
  };
  readonly policyEvent?: {
    readonly message: string;
    readonly policyName: string;
    readonly enforcementLevel: string;
    readonly resourceUrn?: string;
  };
}

interface StepMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly new?: StepResource | null;
  readonly old?: StepResource | null;
}

interface StepResource {
  /** Whether a plugin manages it; false or absent for components, which are only frames. */
  readonly custom?: boolean;
}

/** One stage of the work, in the user's words. */
export interface PhaseRule {
  readonly title: string;
  /** Whether a resource belongs to the phase. The first rule that says yes has it. */
  readonly holds: (resource: ResourceName) => boolean;
}

/** A URN taken apart. */
export interface ResourceName {
  /** The resource's own type. Example: "command:remote:Command". */
  readonly type: string;
  /** Types of its parents and its own, outermost first. */
  readonly types: readonly string[];
  readonly name: string;
}

/** Takes a URN apart. Example: `urn:pulumi:dev::proj::a:b:C$command:remote:Command::control-a-apply`. */
export function parseUrn(urn: string): ResourceName {
  const parts = urn.split("::");
  const types = (parts[2] ?? "").split("$");
  return { types, type: types[types.length - 1] ?? "", name: parts.slice(3).join("::") };
}

export interface Running {
  readonly urn: string;
  readonly name: string;
  readonly op: string;
  /** Seconds since the Unix epoch. */
  readonly since: number;
}

export interface Failure {
  /** The resource's name, or undefined for what no resource is to blame for. */
  readonly resource?: string;
  readonly type?: string;
  readonly message: string;
}

export interface PhaseCount {
  readonly title: string;
  readonly known: number;
  readonly done: number;
}

/** All that is known of a run so far. */
export interface RunState {
  readonly phases: readonly PhaseCount[];
  /** Resources that are being worked on now, the oldest first. */
  readonly running: readonly Running[];
  readonly known: number;
  readonly done: number;
  readonly failures: readonly Failure[];
  readonly warnings: readonly string[];
  /** Counts by what was done: create, update, delete, replace, same… Present at the end. */
  readonly summary?: Readonly<Record<string, number>>;
}

/** Warnings of the engine that tell a user of this program nothing. */
const NOISE = [
  /^using \S+ from \$PATH at /,
  /^Attempting to deploy or update resources with \d+ pending operations/,
];

/** How the language host introduces what the program threw. Settings that are wrong are the user's, not the program's. */
const PROGRAM_THREW = /^Running program '.*' failed with an unhandled exception:\n(SettingsError: )?/;

/**
 * The reducer, with its tables of URNs inside. `take` an event, read `state`.
 * @param rules the phases in the order of the work; what no rule holds is counted but has no phase.
 */
export class RunReducer {
  private readonly seen = new Map<string, { phase: number; done: boolean }>();
  private readonly active = new Map<string, Running>();
  private readonly failed = new Map<string, Failure>();
  private readonly loose: Failure[] = [];
  private readonly warned = new Set<string>();
  private summary: Record<string, number> | undefined;

  constructor(private readonly rules: readonly PhaseRule[]) {}

  take(event: EngineEvent): void {
    if (event.resourcePreEvent) this.begun(event.resourcePreEvent.metadata, event.timestamp ?? 0);
    if (event.resOutputsEvent) this.ended(event.resOutputsEvent.metadata);
    if (event.resOpFailedEvent) this.broke(event.resOpFailedEvent.metadata);
    if (event.diagnosticEvent) this.heard(event.diagnosticEvent);
    if (event.policyEvent?.enforcementLevel === "mandatory") {
      this.loose.push({
        ...(event.policyEvent.resourceUrn ? { resource: parseUrn(event.policyEvent.resourceUrn).name } : {}),
        message: `policy ${event.policyEvent.policyName}: ${event.policyEvent.message.trim()}`,
      });
    }
    if (event.summaryEvent) this.summary = { ...event.summaryEvent.resourceChanges };
  }

  get state(): RunState {
    const phases = this.rules.map((rule) => ({ title: rule.title, known: 0, done: 0 }));
    let done = 0;
    for (const entry of this.seen.values()) {
      if (entry.done) done += 1;
      const phase = phases[entry.phase];
      if (!phase) continue;
      phase.known += 1;
      if (entry.done) phase.done += 1;
    }
    const failures = [...this.failed.values(), ...this.loose];
    return {
      phases: phases.filter((phase) => phase.known > 0),
      running: [...this.active.values()].sort((a, b) => a.since - b.since),
      known: this.seen.size,
      done,
      failures: failures.filter((failure) => failure.message !== "" || failures.length === 1),
      warnings: [...this.warned],
      ...(this.summary ? { summary: this.summary } : {}),
    };
  }

  private begun(step: StepMetadata, timestamp: number): void {
    const resource = parseUrn(step.urn);
    if (!(step.new ?? step.old)?.custom || resource.type.startsWith("pulumi:providers:")) return;
    if (!this.seen.has(step.urn)) {
      const phase = this.rules.findIndex((rule) => rule.holds(resource));
      this.seen.set(step.urn, { phase, done: false });
    }
    // "replace" only says that a create and a delete belong together.
    if (step.op === "same" || step.op === "replace") return;
    this.active.set(step.urn, { urn: step.urn, name: resource.name, op: step.op, since: timestamp });
  }

  private ended(step: StepMetadata): void {
    this.active.delete(step.urn);
    const entry = this.seen.get(step.urn);
    if (entry) entry.done = true;
  }

  private broke(step: StepMetadata): void {
    this.active.delete(step.urn);
    const resource = parseUrn(step.urn);
    const known = this.failed.get(step.urn);
    this.failed.set(step.urn, {
      resource: resource.name,
      type: resource.type,
      message: known?.message ?? "",
    });
  }

  private heard(diagnostic: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const message = diagnostic.message.trim().replace(PROGRAM_THREW, "");
    if (diagnostic.ephemeral || message === "") return;
    if (diagnostic.severity === "warning") {
      if (NOISE.some((noise) => noise.test(message))) return;
      this.warned.add(diagnostic.urn ? `${parseUrn(diagnostic.urn).name}: ${message}` : message);
      return;
    }
    if (diagnostic.severity !== "error") return;
    // Said by the engine of every failed run, after what failed has been said.
    if (/^(update|destroy|preview) failed$/.test(message) && !diagnostic.urn?.includes("$")) return;
    const resource = diagnostic.urn ? parseUrn(diagnostic.urn) : undefined;
    if (!diagnostic.urn || !resource || resource.type === "pulumi:pulumi:Stack") {
      this.loose.push({ message });
      return;
    }
    const known = this.failed.get(diagnostic.urn);
    const joined = known?.message && known.message !== message ? `${known.message}\n${message}` : message;
    this.failed.set(diagnostic.urn, { resource: resource.name, type: resource.type, message: joined });
  }
}
