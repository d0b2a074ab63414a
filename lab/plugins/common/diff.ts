/** Compares old with new inputs, path by path, as the engine's detailed diff wants it. */
import type { Values } from "./kinds";
import { isObject, isSecret, same } from "./values";

export type ChangeKind = "add" | "delete" | "update";

/** Changed paths, e.g. `environment.PATH` or `triggers[0]`. */
export type Changes = Map<string, { kind: ChangeKind; property: string }>;

/** What differs between two sets of inputs (wire values, secret marks included). */
export function compare(olds: Values, news: Values): Changes {
  const changes: Changes = new Map();
  for (const property of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    if (property.startsWith("__")) continue;
    compareValue(olds[property], news[property], property, property, changes);
  }
  return changes;
}

function compareValue(old: unknown, now: unknown, path: string, property: string, changes: Changes): void {
  if (Array.isArray(old) && Array.isArray(now)) {
    for (let i = 0; i < Math.max(old.length, now.length); i++) {
      compareValue(old[i], now[i], `${path}[${i}]`, property, changes);
    }
  } else if (isObject(old) && isObject(now) && !isSecret(old) && !isSecret(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      compareValue(old[key], now[key], memberPath(path, key), property, changes);
    }
  } else if (isMissing(old) !== isMissing(now)) {
    changes.set(path, { kind: isMissing(old) ? "add" : "delete", property });
  } else if (!isMissing(old) && !same(old, now)) {
    changes.set(path, { kind: "update", property });
  }
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null;
}

function memberPath(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}
