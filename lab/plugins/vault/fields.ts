import type { Property, Values } from "../common/kinds";
import { isObject, same } from "../common/values";

/** Translation between the SDK's property names and Vault's field names, and what several kinds share. */

export const enterprise = "it is Vault Enterprise's";
export const notNeeded = "the cluster's program does not use it";

/** A property that is refused by name. */
export function unimplemented(reason = notNeeded): Property {
  return { type: "any", unimplemented: reason };
}

/** Part of a path, as Vault takes it. */
export const pathPart: Property = {
  type: "string",
  validate: (value) =>
    /^[^/].*[^/]$|^[^/]$/.test(String(value)) ? undefined : "must not begin or end with /",
};

/** The settings of tokens that every role has (addTokenFields in auth_token.go). None of them replaces the role. */
export const tokenProperties: Record<string, Property> = {
  tokenBoundCidrs: { type: "list", of: { type: "string" } },
  tokenExplicitMaxTtl: { type: "integer" },
  tokenMaxTtl: { type: "integer" },
  tokenNoDefaultPolicy: { type: "boolean" },
  tokenNumUses: { type: "integer" },
  tokenPeriod: { type: "integer" },
  tokenPolicies: { type: "list", of: { type: "string" } },
  tokenTtl: { type: "integer" },
  tokenType: { type: "string", default: "default" },
  aliasMetadata: unimplemented(),
};

/** `tokenBoundCidrs` → `token_bound_cidrs`. */
function vaultName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * The body of a write: what is set and, so that a removed setting goes, an empty value for what the state had.
 * @param own which of the kind's properties are fields of the body.
 */
export function writeBody(own: Record<string, Property>, inputs: Values, state: Values = {}): Values {
  const body: Values = {};
  for (const [name, property] of Object.entries(own)) {
    if (inputs[name] !== undefined) {
      body[vaultName(name)] = inputs[name];
    } else if (state[name] !== undefined) {
      body[vaultName(name)] = empty(property);
    }
  }
  return body;
}

/**
 * The inputs as Vault's answer has them. What Vault has empty and nobody set stays unset. What differs from the state
 * only in how Vault writes it down is the state's.
 */
export function readInputs(own: Record<string, Property>, data: Values, state: Values): Values {
  const inputs: Values = {};
  for (const [name, property] of Object.entries(own)) {
    const known = state[name];
    const value = asGiven(known, data[vaultName(name)]);
    if (!isEmpty(value) || (property.default !== undefined && value !== null && value !== undefined)) {
      inputs[name] = value;
    } else if (known !== undefined && isEmpty(known)) {
      inputs[name] = known;
    }
  }
  return inputs;
}

/** Vault trims texts, and takes most lists for sets. */
function asGiven(known: unknown, value: unknown): unknown {
  if (typeof value === "string" && typeof known === "string") {
    return value.trim() === known.trim() ? known : value;
  }
  if (Array.isArray(value) && Array.isArray(known)) {
    const given = value.map((item) => itemAsGiven(known, item));
    return same([...known].sort(), [...given].sort()) ? known : given;
  }
  return value;
}

/** Vault drops the prefix length of single addresses (handleCIDRField in auth_token.go restores it too). */
function itemAsGiven(known: unknown[], item: unknown): unknown {
  const forms = typeof item === "string" ? [item, `${item}/32`, `${item}/128`] : [];
  return known.find((one) => typeof one === "string" && forms.includes(one.trim())) ?? item;
}

function empty(property: Property): unknown {
  switch (property.type) {
    case "integer":
    case "number":
      return 0;
    case "boolean":
      return false;
    case "list":
      return [];
    case "map":
    case "object":
      return {};
    default:
      return "";
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) {
    return true;
  }
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}
