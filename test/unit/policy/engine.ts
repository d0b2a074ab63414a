import { appliesTo, findings } from "../../../policy/lib/pack";
import type { Config, Rule, Subject } from "../../../policy/lib/rule";
import { Cursor } from "../../../policy/lib/wire";

/** Rules run as the pack runs them, without an engine. */

/** What stands for a value that only `up` will know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A value that is marked as secret, as it goes over the wire. */
export const secret = (value: unknown) => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

export interface Given {
  type: string;
  name?: string;
  props?: Record<string, unknown>;
  protect?: boolean;
  /** Name of the parent. */
  parent?: string;
  /** Names of what a property was made from. */
  from?: Record<string, string[]>;
}

const urnOf = (stack: string, name: string) => `urn:pulumi:${stack}::project::a:b:C::${name}`;

export function subjectOf(given: Given, stack = "prod"): Subject {
  const name = given.name ?? "one";
  return {
    type: given.type,
    name,
    urn: urnOf(stack, name),
    stack,
    parent: given.parent && urnOf(stack, given.parent),
    protect: given.protect ?? false,
    props: new Cursor(given.props ?? {}),
    from: Object.fromEntries(
      Object.entries(given.from ?? {}).map(([path, names]) => [
        path,
        names.map((each) => urnOf(stack, each)),
      ]),
    ),
  };
}

/** Defaults of a rule's configuration, as the engine fills them in. */
export function configOf(rule: Rule, own: Config = {}): Config {
  const defaults = Object.entries(rule.config ?? {}).map(([name, schema]) => [name, schema.default]);
  return { ...Object.fromEntries(defaults), ...own };
}

export interface Verdict {
  /** "resource: message". */
  violations: string[];
  /** What only `up` will know. */
  undecided: string[];
  /** Whether the rule looked at anything. */
  applied: boolean;
}

/** What a rule says of a stack. */
export function judge(rule: Rule, subjects: readonly Subject[], own: Config = {}): Verdict {
  const config = configOf(rule, own);
  const violations: string[] = [];
  const undecided = new Set<string>();
  const mine = subjects.filter(({ type }) => appliesTo(rule, type));
  const applied = mine.length > 0 && rule.unless?.(config) === undefined;
  if (applied) {
    for (const subject of mine) {
      const say = findings((message) => violations.push(`${subject.name}: ${message}`), undecided, subject);
      say.run(() => rule.resource?.(subject, say, config));
    }
    const say = findings(
      (message, about) => violations.push(`${about?.name ?? "stack"}: ${message}`),
      undecided,
    );
    say.run(() => rule.stack?.(mine, say, config));
  }
  return { violations, undecided: [...undecided], applied };
}
