/** What shall go wrong, and how often. Given from outside the API, by whoever tests. */
export interface Fault {
  /** Method and route, or the beginning of it. Example: "POST /linode/instances". */
  readonly on: string;
  /** How many requests it meets; default 1. */
  readonly times?: number;
  /** Only requests whose body's label begins so. */
  readonly label?: string;
  /** Milliseconds before anything is done. */
  readonly delayMs?: number;
  /** Answered in place of the true answer. */
  readonly status?: number;
  /** Whether the request is done all the same, and only its answer is lost. */
  readonly done?: boolean;
  /** Seconds in the header Retry-After of a 429 or 503. Default 1. */
  readonly retryAfter?: number;
  /** What becomes of the instance that this makes: its creation fails later, takes longer, or it never answers. */
  readonly instance?: "fails" | "slow" | "mute";
  /** After how many milliseconds it is made, or fails. Default 10000 for "slow", else 0. */
  readonly slowMs?: number;
}

const known = ["on", "times", "label", "delayMs", "status", "done", "retryAfter", "instance", "slowMs"];

/** Says in one sentence what is wrong with a fault, or undefined. */
export function faultProblem(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return "A fault must be an object.";
  const stranger = Object.keys(value).find((key) => !known.includes(key));
  if (stranger) return `A fault has no "${stranger}"; known are ${known.join(", ")}.`;
  const { on, instance } = value as Fault;
  if (typeof on !== "string" || on === "") return 'A fault needs "on", such as "POST /linode/instances".';
  if (instance !== undefined && !["fails", "slow", "mute"].includes(instance))
    return '"instance" must be "fails", "slow" or "mute".';
  return undefined;
}

/** The faults that wait for their requests. */
export class Faults {
  private pending: { fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.pending.push({ fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.pending = [];
  }

  /** The fault that meets this request, if any; counts it. */
  take(route: string, label: unknown): Fault | undefined {
    const entry = this.pending.find(
      ({ fault }) =>
        route.startsWith(fault.on) && (!fault.label || String(label ?? "").startsWith(fault.label)),
    );
    if (!entry) return undefined;
    entry.left--;
    if (entry.left <= 0) this.pending = this.pending.filter((other) => other !== entry);
    return entry.fault;
  }

  /** What still waits. */
  list(): Fault[] {
    return this.pending.map(({ fault, left }) => ({ ...fault, times: left }));
  }
}
