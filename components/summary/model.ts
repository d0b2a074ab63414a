import type { CloudSettings } from "../settings/model";
import type { Role, Versions } from "../topology/model";

/**
 * What a stack will be, as one plain object: what `Cluster` reports at preview, the stack's output `plan`, and what
 * `npx hashistack plan --json` prints. Nothing in it depends on the day, so a second run finds it as it was.
 */

/** All of it. */
export interface PlanSummary {
  /** The cluster's name. */
  readonly cluster: string;
  /** Where the machines are made. */
  readonly cloud: CloudSettings["kind"];
  /** Where its settings name one. Example: "nl-ams". */
  readonly region?: string;
  /**
   * What the cluster keeps while it lives, by the setting's path: addresses, names and quorums are made of it, and nothing moves a
   * living one to another. Example: { "hashistack:datacenter": "dc1" }
   */
  readonly lasting: Readonly<Record<string, string>>;
  /** Support, servers, clients, load balancers; each by group, and as its keys are listed. */
  readonly machines: readonly PlannedMachine[];
  /** What is reached from outside, ascending by port. All else is closed. */
  readonly openings: readonly PlannedOpening[];
  /** Absent where machines cost nothing (the local cloud) or nobody told prices. */
  readonly cost?: PlannedCost;
  /** What runs on them. */
  readonly versions: readonly PlannedVersion[];
  /** What is legal and perhaps not wise. */
  readonly warnings: readonly PlanWarning[];
}

/**
 * The public address of a machine. "reached": it answers there, to whom `openings` say. "egress": it goes out by it, and
 * nothing answers. "none": it has none of its own.
 */
export type PublicAddress = "reached" | "egress" | "none";

/** A machine. */
export interface PlannedMachine {
  /** Example: "control-a". */
  readonly name: string;
  readonly roles: readonly Role[];
  /** Nomad's class, of a client. */
  readonly nodeClass?: string;
  /** The cloud's word for its size, where it has sizes. Example: "g6-standard-2". */
  readonly size?: string;
  /** The id of the image it is made of, where the settings tell one. Example: "private/12345678". */
  readonly image?: string;
  readonly publicAddress: PublicAddress;
  /** Whether the cloud backs up its disk. */
  readonly backups: boolean;
  /** The root disk, where it is a volume, in GiB. */
  readonly volumeGb?: number;
  /** Absent where nobody knows it. */
  readonly cost?: MonthlyCost;
}

/** What a machine costs a month. */
export interface MonthlyCost {
  readonly machine: number;
  readonly backups?: number;
  readonly volume?: number;
  readonly address?: number;
  /** The sum of these. */
  readonly total: number;
}

/** One port that is open from outside. */
export interface PlannedOpening {
  readonly port: number;
  readonly protocol: "tcp" | "udp";
  /** What answers there. Example: "site". */
  readonly service: string;
  /** Networks that may knock; empty: anybody. */
  readonly from: readonly string[];
  /** Names of the machines. */
  readonly machines: readonly string[];
}

/** What all of it costs a month. */
export interface PlannedCost {
  /** Example: "USD". */
  readonly currency: string;
  /** Of all machines whose price is known. */
  readonly monthly: number;
  /** Sizes whose price nobody knows; the sum is without them. */
  readonly unpriced: readonly string[];
  /** The day that the prices are of. Example: "2025-12-31". */
  readonly date?: string;
  /** Where the prices are from. */
  readonly source: string;
}

/** A program's version. */
export interface PlannedVersion {
  readonly program: keyof Versions;
  readonly version: string;
  /** The last day of fixes for its line, where it is known: before the run's own day, there are none any more. */
  readonly supportedUntil?: string;
}

/** Something to think about. */
export interface PlanWarning {
  /** One word for programs. Example: "single-load-balancer". */
  readonly kind: string;
  /** A sentence for people. */
  readonly text: string;
}

/** A machine as it was deployed. What is not known of it is missing. */
export type DeployedMachine = Pick<PlannedMachine, "name"> & Partial<Omit<PlannedMachine, "cost">>;

/** What is different from what was deployed. */
export interface PlanChanges {
  /** Names of machines that come. */
  readonly added: readonly string[];
  /** Names of machines that go. */
  readonly removed: readonly string[];
  readonly changed: readonly MachineChange[];
  /** Absent where either sum is not known. */
  readonly cost?: { readonly currency: string; readonly before: number; readonly after: number };
}

/** One thing about a machine that stays. */
export interface MachineChange {
  readonly machine: string;
  readonly what: "roles" | "class" | "size" | "image" | "public address" | "backups" | "volume";
  readonly from: string;
  readonly to: string;
  /** Whether it waits until the machine is made anew: no cloud is asked to change it on a living machine. */
  readonly waits: boolean;
}
