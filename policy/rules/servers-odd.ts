import { instances, words } from "../lib/clouds";
import type { Rule, Subject } from "../lib/rule";

const components = {
  "pulumi-hashistack:index:ConsulServer": "consul-server",
  "pulumi-hashistack:index:VaultServer": "vault-server",
  "pulumi-hashistack:index:NomadServer": "nomad-server",
} as const;

export const serverComponents: readonly string[] = Object.keys(components);

/** Parts of which a majority must live. */
const serverRoles = Object.values(components);

/** Which servers a resource is: by the component, or by a machine's words. */
export function serversIn(subject: Subject): readonly string[] {
  const component = components[subject.type as keyof typeof components];
  return component ? [component] : serverRoles.filter((role) => words(subject).includes(role));
}

export const serversOdd: Rule = {
  name: "servers-odd",
  what: "The servers of Consul, of Vault and of Nomad are odd in number.",
  why: "Four servers lose their quorum with two dead ones, as three do, and have one more that can die.",
  remediation: "Have one, three, five or seven servers of each kind.",
  severity: "high",
  level: "mandatory",
  types: [...serverComponents, ...instances],
  stack(subjects, findings) {
    const components = subjects.filter(({ type }) => serverComponents.includes(type));
    const count = new Map<string, number>();
    // With components the machines' words would count the same servers twice.
    findings.each(components.length > 0 ? components : subjects, (subject) => {
      for (const role of serversIn(subject)) count.set(role, (count.get(role) ?? 0) + 1);
    });
    for (const [role, number] of count) {
      if (number % 2 === 0) findings.violation(`there are ${number} machines with the role ${role}`);
    }
  },
};
