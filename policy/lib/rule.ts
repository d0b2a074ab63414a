import type { PolicyConfigSchema } from "@pulumi/policy";
import type { Cursor } from "./wire";

/** A resource as rules see it: what the program asks for; for whole stacks also who stands where. */
export interface Subject {
  /** Example: "linode:index/instance:Instance". */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** The stack's name, by the URN. Example: "prod". */
  readonly stack: string;
  /** URN of the parent. */
  readonly parent?: string;
  readonly protect: boolean;
  readonly props: Cursor;
  /** URNs of what a property was made from, by the property. Known at preview, too, where the value is not. */
  readonly from: Readonly<Record<string, readonly string[]>>;
}

/** What a rule says. */
export interface Findings {
  /** One sentence: what is wrong, and where in the resource. `about` is the resource, for rules over whole stacks. */
  violation(message: string, about?: Subject): void;
  /** Runs `check` for each of `all`: an unknown value in one does not keep the others from being looked at. */
  each<T>(all: Iterable<T>, check: (one: T) => void): void;
  /** Something that only `up` will know. */
  notKnownYet(path: string, about?: Subject): void;
}

/** The user's configuration of one rule, with defaults filled in. */
export type Config = Readonly<Record<string, unknown>>;

/** A rule: a file, one matter, one verdict. */
export interface Rule {
  /** Short, by which it is configured. Example: "no-open-admin-ports". */
  readonly name: string;
  /** What it asks for, as a sentence. */
  readonly what: string;
  /** Why, as a sentence. */
  readonly why: string;
  /** What to do about a violation, as a sentence. */
  readonly remediation: string;
  readonly severity: "low" | "medium" | "high" | "critical";
  /** What a violation does, unless the user says otherwise: "mandatory" stops the run, "advisory" warns. */
  readonly level: "mandatory" | "advisory";
  /** What of it can be set. */
  readonly config?: PolicyConfigSchema["properties"];
  /** Types of resources that it is about. */
  readonly types: readonly string[] | "all";
  /** Why it has nothing to say under this configuration. Example: "No limit is set." */
  unless?(config: Config): string | undefined;
  /** Looks at one resource, before it is made. */
  resource?(subject: Subject, findings: Findings, config: Config): void;
  /** Looks at the whole stack, `subjects` being those of `types`. */
  stack?(subjects: readonly Subject[], findings: Findings, config: Config): void;
}
