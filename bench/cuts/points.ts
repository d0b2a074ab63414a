/** Where a run is cut: a table. Each point is told by what the engine says of itself, or by a file on a machine. */

/** What is cut: a first `up`, the removal of a client by an `up`, or a `destroy`. */
export type RunKind = "up" | "scale-in" | "destroy";

export type Trigger =
  /** A resource's work begins or ended, and so many milliseconds passed. */
  | { readonly on: "begin" | "end"; readonly resource: string; readonly afterMs?: number }
  /** This share of all the work is done. */
  | { readonly on: "share"; readonly share: number }
  /** A file appears on a machine. */
  | { readonly on: "file"; readonly machine: string; readonly path: string; readonly afterMs?: number };

export interface Point {
  /** Example: "up:vault-init-answered". */
  readonly name: string;
  readonly run: RunKind;
  readonly when: Trigger;
  /** What is half done then. */
  readonly why: string;
}

const kept = "/var/lib/hashistack";

function up(name: string, when: Trigger, why: string): Point {
  return { name: `up:${name}`, run: "up", when, why };
}

function begin(resource: string, afterMs = 0): Trigger {
  return { on: "begin", resource, afterMs };
}

const shares = [0.1, 0.25, 0.4, 0.55, 0.65, 0.75, 0.85, 0.95];

/** The nasty ones by name, then those spread over the run. */
export const points: readonly Point[] = [
  up("machines-begun", begin("support-a", 150), "machines are being made, the state knows none"),
  up("machines-half", begin("support-a", 1000), "machines run that the state does not know"),
  up("machine-made", { on: "end", resource: "control-a" }, "one machine is known, others are not"),
  up("enrolment", begin("control-a-enrol", 300), "host keys are being replaced"),
  up("support-set-up", begin("support-a-apply", 900), "the signer and the firewall of support half made"),
  up("profiles", begin("client-a-signer-profile", 250), "the signer learns profiles"),
  up("server-set-up", begin("control-a-apply", 1500), "a server has certificates, its daemons start"),
  up("consul-bootstrap", begin("consul-bootstrap", 350), "Consul's policies and tokens half made"),
  up("nomad-bootstrap", begin("nomad-bootstrap", 250), "Nomad's one bootstrap may have been asked"),
  up(
    "nomad-bootstrapped",
    begin("nomad-bootstrap", 450),
    "Nomad's ACLs are there, the state knows nothing of it",
  ),
  up("vault-init-asked", begin("vault-init", 700), "Vault's one init may have been asked"),
  up(
    "vault-init-answered",
    { on: "file", machine: "support-a", path: `${kept}/vault-init.json` },
    "Vault's one answer is on support's disk, not in the state",
  ),
  up(
    "vault-init-done",
    { on: "file", machine: "support-a", path: `${kept}/vault-init-done.json` },
    "the root token is revoked, the recovery keys are not in the state",
  ),
  up(
    "vault-init-known",
    { on: "end", resource: "vault-init" },
    "the recovery keys are in the state and on support",
  ),
  up("vault-init-forget", begin("vault-init-forget", 60), "the recovery keys are being taken off support"),
  up("membership", begin("edge-a-membership", 250), "a client's tokens half made"),
  up("client-set-up", begin("client-a-apply", 1500), "a client's agents start"),
  up("vault-mount", begin("vault-secrets", 150), "a mount that Vault has and the state has not"),
  up("jobs", begin("website", 400), "jobs are placed, nobody has seen them healthy"),
  ...shares.map((share) =>
    up(`${Math.round(share * 100)}%`, { on: "share", share }, "that much of the work is done"),
  ),
  {
    ...{ name: "scale-in:drain", run: "scale-in", when: begin("client-b-membership", 400) },
    why: "the node is being drained",
  },
  {
    ...{ name: "scale-in:left", run: "scale-in", when: { on: "end", resource: "client-b-membership" } },
    why: "the node has left, its machine runs",
  },
  {
    ...{ name: "scale-in:machine", run: "scale-in", when: begin("client-b", 120) },
    why: "the machine is being destroyed",
  },
  { name: "destroy:jobs", run: "destroy", when: begin("ingress"), why: "nothing but a job is gone" },
  {
    ...{ name: "destroy:bootstraps", run: "destroy", when: begin("vault-init") },
    why: "the state has forgotten Vault's keys, its machine runs",
  },
  {
    ...{ name: "destroy:machines", run: "destroy", when: begin("control-a", 150) },
    why: "machines are being destroyed",
  },
  {
    ...{ name: "destroy:machine-gone", run: "destroy", when: { on: "end", resource: "support-a" } },
    why: "support is gone before others",
  },
];

/**
 * Picks points: those named, else `count` spread evenly over the table, else all.
 * @throws Error for a name that is in no point
 */
export function pick(names: readonly string[], count: number | undefined): Point[] {
  if (names.length > 0) {
    return names.map((name) => {
      const found = points.find((point) => point.name === name);
      if (!found) throw new Error(`there is no point "${name}"; --list shows all`);
      return found;
    });
  }
  if (count === undefined || count >= points.length) return [...points];
  return Array.from(
    { length: count },
    (_, n) => points[Math.floor(((n + 0.5) * points.length) / count)] as Point,
  );
}

/**
 * An order in which each cluster that a cut `up` ends in also serves a scale-in and a destroy: fewer are made for nothing.
 */
export function ordered(picked: readonly Point[]): Point[] {
  const of = (run: RunKind): Point[] => picked.filter((point) => point.run === run);
  const [ups, ins, ends] = [of("up"), of("scale-in"), of("destroy")];
  const order = ups.flatMap((point) => [point, ...ins.splice(0, 1), ...ends.splice(0, 1)]);
  while (ins.length + ends.length > 0) order.push(...ins.splice(0, 1), ...ends.splice(0, 1));
  return order;
}
