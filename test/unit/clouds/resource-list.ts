import { type Deployment, inClear, opened, type Recorded } from "../cluster/deployment";

/** What a cloud is asked for, as text for a reviewer: each resource with its inputs, secrets left out. */

/** Inputs in one line each. Example: "name: campus-private". */
function lines(inputs: Readonly<Record<string, unknown>>): string[] {
  const clear = inClear<Record<string, unknown>>(inputs);
  return Object.entries(clear)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `    ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
}

/** How often each kind is there, the most first. */
function counts(resources: readonly Recorded[]): string[] {
  const kinds = new Map<string, number>();
  for (const { kind } of resources) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [...kinds].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([kind, n]) => `# ${n} ${kind}`);
}

/**
 * The list.
 * @param provider first part of the kinds. Example: "openstack"
 */
export function resourceList(deployment: Deployment, provider: string, heading: string): string {
  const own = deployment.resources.filter(({ kind }) => kind.startsWith(`${provider}.`));
  return [
    `# ${heading}: ${own.length} resources of ${provider}.`,
    ...counts(own),
    ...own.flatMap((one) => ["", one.id, ...lines(one.inputs)]),
    "",
  ].join("\n");
}

/** Inputs of a resource with every secret in the open. */
export function inputsOf(one: Recorded): Record<string, unknown> {
  return opened(one.inputs);
}
