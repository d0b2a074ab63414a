import type {
  PolicyResource,
  ReportViolation,
  ResourceValidationArgs,
  ResourceValidationPolicy,
  StackValidationArgs,
  StackValidationPolicy,
} from "@pulumi/policy";
import { UnknownValueError } from "@pulumi/policy";
import { wireOf } from "./marks";
import type { Config, Findings, Rule, Subject } from "./rule";
import { Cursor, NotKnownYet } from "./wire";

/** Rules as the engine runs them: each resource before it is made, then once more all of the stack. */

type Policy = ResourceValidationPolicy & StackValidationPolicy;

/**
 * What a rule could not decide, told once for the whole stack. `@pulumi/policy` makes a warning of it, whatever the
 * rule's level: it is no violation, and it is no pass. At `up` everything is known, and the rule decides.
 */
class Undecided extends UnknownValueError {
  constructor(places: readonly string[]) {
    super("04da6b54-80e4-46f7-96ec-b56ff0331ba9", []);
    const shown = places.slice(0, 3).join(", ");
    const more = places.length > 3 ? ` and ${places.length - 3} more` : "";
    Object.assign(this, {
      message: `not known yet: ${shown}${more}; decided at \`pulumi up\`, before the resource is made`,
    });
  }
}

/** The stack of a URN. */
export function stackOf(urn: string): string {
  return urn.split("::")[0]?.replace(/^urn:pulumi:/, "") ?? "";
}

/** What the engine shows of a rule. */
export function descriptionOf({ what, why }: Rule): string {
  return `${what} ${why}`;
}

/** Runs one look of a rule. What it could not know goes to `undecided`. */
export function findings(
  report: (message: string, about?: Subject) => void,
  undecided: Set<string>,
  here?: Subject,
): Findings & { run(check: () => void): void } {
  const notKnownYet = (path: string, about = here): void => {
    undecided.add([about?.name, path].filter(Boolean).join(" "));
  };
  const run = (check: () => void, about = here): void => {
    try {
      check();
    } catch (error) {
      if (!(error instanceof NotKnownYet)) throw error;
      notKnownYet(error.path, about);
    }
  };
  return {
    violation: report,
    notKnownYet,
    run: (check) => run(check),
    each: (all, check) => {
      for (const one of all) run(() => check(one), isSubject(one) ? one : here);
    },
  };
}

function isSubject(one: unknown): one is Subject {
  return typeof one === "object" && one !== null && "urn" in one && "props" in one;
}

/** Whether a rule looks at resources of a type. */
export function appliesTo(rule: Rule, type: string): boolean {
  return rule.types === "all" || rule.types.includes(type);
}

function none(rule: Rule): string {
  return rule.types === "all" ? "There is no resource." : `There is no ${rule.types.join(", ")}.`;
}

function toPolicy(rule: Rule, asked: Map<string, Subject>): Policy {
  const undecided = new Set<string>();

  const validateResource = (args: ResourceValidationArgs, report: ReportViolation): void => {
    if (!appliesTo(rule, args.type))
      args.notApplicable(`It is about ${(rule.types as string[]).join(", ")}.`);
    const subject: Subject = {
      type: args.type,
      name: args.name,
      urn: args.urn,
      stack: stackOf(args.urn),
      parent: args.opts.parent,
      protect: args.opts.protect,
      props: new Cursor(wireOf(args.props)),
      from: {},
    };
    asked.set(args.urn, subject);
    const config = args.getConfig<Config>();
    const reason = rule.unless?.(config);
    if (reason) args.notApplicable(reason);
    const say = findings((message) => report(message), undecided, subject);
    say.run(() => rule.resource?.(subject, say, config));
  };

  const validateStack = (args: StackValidationArgs, report: ReportViolation): void => {
    const places = [...undecided];
    undecided.clear();
    const subjects = args.resources
      .filter(({ type }) => appliesTo(rule, type))
      .map((each) => inStack(each, asked.get(each.urn)));
    const config = args.getConfig<Config>();
    const reason = subjects.length === 0 ? none(rule) : rule.unless?.(config);
    if (reason) args.notApplicable(reason);
    const open = new Set(places);
    const say = findings((message, about) => report(message, about?.urn), open);
    say.run(() => rule.stack?.(subjects, say, config));
    if (open.size > 0) throw new Undecided([...open]);
  };

  return {
    name: rule.name,
    description: descriptionOf(rule),
    enforcementLevel: rule.level,
    severity: rule.severity,
    remediationSteps: rule.remediation,
    ...(rule.config ? { configSchema: { properties: rule.config } } : {}),
    validateResource,
    validateStack,
  };
}

/** A resource of the stack: by what was asked for, and by its outputs where it was not asked for in this run. */
function inStack(resource: PolicyResource, asked: Subject | undefined): Subject {
  return {
    type: resource.type,
    name: resource.name,
    urn: resource.urn,
    stack: stackOf(resource.urn),
    parent: resource.parent?.urn,
    protect: resource.opts.protect,
    props: asked?.props ?? new Cursor(wireOf(resource.props)),
    from: Object.fromEntries(
      Object.entries(resource.propertyDependencies).map(([name, all]) => [name, all.map(({ urn }) => urn)]),
    ),
  };
}

/** The rules for `PolicyPack`. */
export function toPolicies(rules: readonly Rule[]): Policy[] {
  const asked = new Map<string, Subject>();
  return rules.map((rule) => toPolicy(rule, asked));
}
