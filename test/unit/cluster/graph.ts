import { type Deployment, isSecret, type Recorded } from "./deployment";

/** The whole graph as text for a reviewer: who is made of what, what comes first, what goes with what. */

/** Everything that comes before a resource, near or far. */
export function ancestors(deployment: Deployment): Map<string, Set<string>> {
  const byId = new Map(deployment.resources.map((each) => [each.id, each]));
  const known = new Map<string, Set<string>>();
  const of = (id: string): Set<string> => {
    const done = known.get(id);
    if (done) return done;
    const all = new Set<string>();
    known.set(id, all);
    for (const next of byId.get(id)?.dependencies ?? []) {
      all.add(next);
      for (const far of of(next)) all.add(far);
    }
    return all;
  };
  return new Map(deployment.resources.map(({ id }) => [id, of(id)]));
}

/** What comes right before a resource: without what its other predecessors wait for anyway. */
function direct(one: Recorded, before: Map<string, Set<string>>): string[] {
  return one.dependencies.filter(
    (id) => !one.dependencies.some((other) => other !== id && before.get(other)?.has(id)),
  );
}

function facts(one: Recorded, before: Map<string, Set<string>>): string[] {
  const secrets = Object.entries(one.inputs).flatMap(([name, value]) => (isSecret(value) ? [name] : []));
  const first = direct(one, before);
  return [
    ...(first.length > 0 ? [`after: ${first.join(", ")}`] : []),
    ...(one.deletedWith ? [`goes with: ${one.deletedWith}`] : []),
    ...(secrets.length > 0 ? [`secret: ${secrets.sort().join(", ")}`] : []),
    ...(one.ignoreChanges.length > 0 ? [`ignores: ${[...one.ignoreChanges].sort().join(", ")}`] : []),
    ...(one.protect ? ["protected"] : []),
  ];
}

/** One block for each resource, below its parent; sorted by kind and name. */
export function graphText(deployment: Deployment, heading: string): string {
  const before = ancestors(deployment);
  const block = (one: Recorded, depth: number): string[] => {
    const indent = "  ".repeat(depth);
    return [
      `${indent}${one.id}`,
      ...facts(one, before).map((fact) => `${indent}    ${fact}`),
      ...deployment.resources
        .filter(({ parent }) => parent === one.id)
        .flatMap((child) => block(child, depth + 1)),
    ];
  };
  const tops = deployment.resources.filter(({ parent }) => parent === undefined);
  return [
    `# ${heading}: ${deployment.resources.length} resources.`,
    "# Below each its children. after: what comes right before it, by dependsOn or by a value.",
    "# goes with: no delete of its own when that one goes. secret: inputs that lie encrypted in the state.",
    ...tops.flatMap((top) => ["", ...block(top, 0)]),
    "",
  ].join("\n");
}
