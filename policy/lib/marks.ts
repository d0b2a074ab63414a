import { createRequire } from "node:module";

/**
 * `@pulumi/policy` takes the marks of secrets off before a rule sees a value, and offers no way to ask for them. What it
 * reads from the engine is remembered here, so that a rule can ask whether a secret is marked as one. It leans on the
 * inside of one version; should that change, the pack refuses to start instead of passing what it cannot see.
 */

interface Struct {
  toJavaScript(): Record<string, unknown>;
}

interface Deserializer {
  deserializeProperties(struct: Struct, keepSecrets: boolean): object;
}

/** Property of a checked value under which the value itself is found (proxy.ts). */
const TARGET = "__getSpecialProxyTarget";

const wires = new WeakMap<object, Record<string, unknown>>();

/** Begins to remember. Call it once, before the pack is served. */
export function rememberMarks(load: (id: string) => unknown = createRequire(__filename)): void {
  const module = load("@pulumi/policy/deserialize") as Deserializer;
  const original = module.deserializeProperties;
  if (typeof original !== "function") throw new Error(strange("it has no deserializeProperties"));
  module.deserializeProperties = (struct, keepSecrets) => {
    const value = original(struct, keepSecrets);
    if (!keepSecrets) wires.set(value, struct.toJavaScript());
    return value;
  };
}

/** What the engine said of a resource's properties, marks included. `props` is what `@pulumi/policy` hands to a rule. */
export function wireOf(props: Record<string, unknown>): Record<string, unknown> {
  const target = props[TARGET];
  const wire = typeof target === "object" && target !== null ? wires.get(target) : undefined;
  if (!wire) throw new Error(strange("the properties of a resource come by another way"));
  return wire;
}

function strange(what: string): string {
  return `the policy pack needs @pulumi/policy 1.21 as it was published: ${what}, so no rule could tell what is secret`;
}
