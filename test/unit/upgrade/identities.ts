import { type Alias, type Deployment, opened, type Recorded } from "../cluster/deployment";

/**
 * What a stack's resources are known by from one version to the next: their URNs, and the inputs of which a change makes
 * them anew.
 */

/** A resource as a state has it, without anything secret. */
export interface Identity {
  readonly urn: string;
  /** Inputs that no provider changes on a living resource, by name. */
  readonly fixed: Readonly<Record<string, unknown>>;
}

/** By the type's first part and its class: the inputs that make it anew. "*": all. */
const fixedInputs: Readonly<Record<string, readonly string[]>> = {
  "command:Command": ["triggers"],
  "linode:*": ["region", "vpcId", "domainId", "placementGroupType", "recordType", "type@Domain"],
  "openstack:*": ["name@ServerGroup", "networkId", "cidr", "ipVersion", "pool", "policies", "zoneId"],
  "random:*": ["*"],
  "tls:PrivateKey": ["algorithm", "ecdsaCurve"],
  "tls:*": ["subject", "dnsNames", "ipAddresses", "validityPeriodHours", "isCaCertificate", "allowedUses"],
  "vault:Mount": ["path", "type"],
  "vault:AuthBackend": ["path", "type"],
  "vault:AuthBackendRole": ["backend", "roleName"],
  "vault:Policy": ["name"],
  "vault:SecretV2": ["mount", "name"],
  "vault:Secret": ["path"],
};

const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").pop() ?? "";

function fixedOf({ urn, inputs }: Recorded): Record<string, unknown> {
  const [pkg = "", , name = ""] = typeOf(urn).split(":");
  const wanted = fixedInputs[`${pkg}:${name}`] ?? fixedInputs[`${pkg}:*`] ?? [];
  const named = wanted.flatMap((input) => {
    const [key = "", of] = input.split("@");
    return of === undefined || of === name ? [key] : [];
  });
  return Object.fromEntries(
    Object.entries(opened<Record<string, unknown>>(inputs)).filter(
      ([key, value]) => value !== null && (named.includes("*") || named.includes(key)),
    ),
  );
}

/** The chain of types in a child's URN, below the stack itself. */
const below = (parent: string | undefined, type: string): string => {
  const chain = parent?.split("::")[2];
  return chain && chain !== "pulumi:pulumi:Stack" ? `${chain}$${type}` : type;
};

/** A URN with another name, type or parent. */
function changed(urn: string, alias: Alias, parent: string | undefined): string {
  const [head = "", project = "", , name = ""] = urn.split("::");
  return [head, project, below(parent, alias.type ?? typeOf(urn)), alias.name ?? name].join("::");
}

/**
 * For each resource all URNs by which the engine finds it in a state, its own first: those of its aliases, and those below its
 * parent's. The mocks know of one parent only.
 */
function urnsOf(deployment: Deployment): Map<Recorded, string[]> {
  const byId = new Map(deployment.resources.map((one) => [one.id, one]));
  const known = new Map<Recorded, string[]>();
  const look = (one: Recorded): string[] => {
    const ready = known.get(one);
    if (ready) return ready;
    const parent = one.parent === undefined ? undefined : byId.get(one.parent);
    const parents = parent ? look(parent) : [undefined];
    const urns = [{}, ...one.aliases].flatMap((alias: Alias) => {
      if (alias.urn) return [alias.urn];
      if (alias.atTop) return [changed(one.urn, alias, undefined)];
      return (alias.parent ? [alias.parent] : parents).map((above) => changed(one.urn, alias, above));
    });
    known.set(one, urns);
    return urns;
  };
  for (const one of deployment.resources) look(one);
  return known;
}

/** The stack's resources, sorted. */
export function identitiesOf(deployment: Deployment): Identity[] {
  return [...urnsOf(deployment)]
    .filter(([one]) => typeOf(one.urn) !== "pulumi:pulumi:Stack")
    .map(([one, [urn = ""]]) => ({ urn, fixed: fixedOf(one) }))
    .sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

/** What an `up` by the program of today would delete, or make anew, in a stack that has these resources. */
export function losses(then: readonly Identity[], deployment: Deployment): string[] {
  const now = new Map(
    [...urnsOf(deployment)].flatMap(([one, urns]) => urns.map((urn): [string, Recorded] => [urn, one])),
  );
  return then.flatMap(({ urn, fixed }) => {
    const found = now.get(urn);
    if (!found) {
      return [
        `${urn} would be deleted: no resource of today has this URN. A renamed one, or one with another parent or type, needs an alias in its options: { aliases: [{ name: "…" }] }.`,
      ];
    }
    const today = fixedOf(found);
    return Object.entries(fixed)
      .filter(([input, value]) => JSON.stringify(today[input]) !== JSON.stringify(value))
      .map(([input]) => `${urn} would be made anew: its input "${input}" is another one.`);
  });
}
