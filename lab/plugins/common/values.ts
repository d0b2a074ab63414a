/** Pulumi's wire format of property values: secrets and unknowns inside plain JavaScript values. */
import type { Values } from "./kinds";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** Stands for a value that is not known yet (at preview). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// The engine writes an unknown by the type it would have (sdk/go/common/resource/plugin/rpc.go).
const UNKNOWNS = new Set([
  UNKNOWN,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** A secret as it travels between engine and plugin. */
export interface WireSecret {
  [SIGNATURE]: typeof SECRET;
  value: unknown;
}

/** Whether a value is one that only `up` will know. */
export function isUnknown(value: unknown): boolean {
  return typeof value === "string" && UNKNOWNS.has(value);
}

/** Whether a value has properties of its own names: no list, no null. */
export function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is wrapped as a secret. */
export function isSecret(value: unknown): value is WireSecret {
  return isObject(value) && value[SIGNATURE] === SECRET;
}

/** Marks a value as secret; a secret stays as it is. */
export function secret(value: unknown): unknown {
  return isSecret(value) ? value : { [SIGNATURE]: SECRET, value };
}

/** The value without any secret marks, unknowns as `UNKNOWN`, null and undefined members left out. */
export function plain(value: unknown): unknown {
  if (isSecret(value)) return plain(value.value);
  if (isUnknown(value)) return UNKNOWN;
  if (Array.isArray(value)) return value.map(plain);
  if (isObject(value)) return plainValues(value);
  return value;
}

/** `plain` for a whole set of properties. */
export function plainValues(values: Values): Values {
  const result: Values = {};
  for (const [name, value] of Object.entries(values)) {
    const bare = plain(value);
    if (bare !== undefined && bare !== null) result[name] = bare;
  }
  return result;
}

/** Whether an unknown lies anywhere inside. */
export function containsUnknown(value: unknown): boolean {
  if (isUnknown(value)) return true;
  if (Array.isArray(value)) return value.some(containsUnknown);
  return isObject(value) && Object.values(value).some(containsUnknown);
}

/** Whether a secret lies anywhere inside. */
export function containsSecret(value: unknown): boolean {
  if (isSecret(value)) return true;
  if (Array.isArray(value)) return value.some(containsSecret);
  return isObject(value) && Object.values(value).some(containsSecret);
}

/** Deep equality of wire values; a secret differs from the same value in the open. */
export function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => same(item, b[i]));
  }
  if (isObject(a)) {
    if (!isObject(b)) return false;
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  return a === b;
}
