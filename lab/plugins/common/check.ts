/** Checks inputs against their description: names, types, required, defaults, secret marks. */
import type { CheckFailure, Property, Values } from "./kinds";
import { isObject, isSecret, isUnknown, secret } from "./values";

/** Checked inputs: defaults put in, secrets marked; `failures` is empty when all is well. */
export interface Checked {
  inputs: Values;
  failures: CheckFailure[];
}

/**
 * Checks a set of properties.
 * @param what who is speaking in messages, e.g. "command:remote:Command".
 */
export function checkProperties(
  what: string,
  described: Record<string, Property>,
  given: Values,
  path = "",
): Checked {
  const failures: CheckFailure[] = [];
  const inputs: Values = {};
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const [name, value] of Object.entries(given)) {
    // The engine's and SDKs' own marks are no properties.
    if (name.startsWith("__") || value === null || value === undefined) continue;
    const property = described[name];
    if (property === undefined) {
      failures.push({
        property: at(name),
        reason: `${what} has no property ${at(name)} (or this stand-in does not know it)`,
      });
    } else if (property.unimplemented !== undefined) {
      const reason = `${what}: this stand-in does not implement ${at(name)}: ${property.unimplemented}`;
      failures.push({ property: at(name), reason });
    } else {
      inputs[name] = checkValue(what, property, value, at(name), failures);
    }
  }
  for (const [name, property] of Object.entries(described)) {
    if (name in inputs || property.unimplemented !== undefined) continue;
    if (property.default !== undefined) {
      inputs[name] = property.secret ? secret(property.default) : property.default;
    } else if (property.required && !failures.some((failure) => failure.property === at(name))) {
      failures.push({ property: at(name), reason: `${what}: ${at(name)} is missing` });
    }
  }
  return { inputs, failures };
}

function checkValue(
  what: string,
  property: Property,
  value: unknown,
  path: string,
  failures: CheckFailure[],
): unknown {
  if (isSecret(value))
    return secret(checkValue(what, { ...property, secret: false }, value.value, path, failures));
  const checked = isUnknown(value) ? value : checkKnown(what, property, value, path, failures);
  return property.secret ? secret(checked) : checked;
}

function checkKnown(
  what: string,
  property: Property,
  value: unknown,
  path: string,
  failures: CheckFailure[],
): unknown {
  if (!hasType(property, value)) {
    const article = /^[aio]/.test(property.type) ? "an" : "a";
    failures.push({ property: path, reason: `${what}: ${path} must be ${article} ${property.type}` });
    return value;
  }
  const wrong = property.validate?.(value);
  if (wrong !== undefined) failures.push({ property: path, reason: `${what}: ${path} ${wrong}` });
  if (Array.isArray(value) && property.of) {
    const of = property.of;
    return value.map((item, i) => checkValue(what, of, item, `${path}[${i}]`, failures));
  }
  if (isObject(value) && property.type === "map" && property.of) {
    const result: Values = {};
    for (const [key, item] of Object.entries(value)) {
      result[key] = checkValue(what, property.of, item, `${path}.${key}`, failures);
    }
    return result;
  }
  if (isObject(value) && property.fields) {
    const nested = checkProperties(what, property.fields, value, path);
    failures.push(...nested.failures);
    return nested.inputs;
  }
  return value;
}

function hasType(property: Property, value: unknown): boolean {
  switch (property.type) {
    case "any":
      return true;
    case "list":
      return Array.isArray(value);
    case "map":
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === property.type;
  }
}
