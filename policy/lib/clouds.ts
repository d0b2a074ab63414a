import type { Subject } from "./rule";

/** The clouds' resources that rules are about. */

export const linodeInstance = "linode:index/instance:Instance";
export const linodeFirewall = "linode:index/firewall:Firewall";
export const linodeFirewallDevice = "linode:index/firewallDevice:FirewallDevice";
export const openstackInstance = "openstack:compute/instance:Instance";
export const openstackPort = "openstack:networking/port:Port";
export const openstackRule = "openstack:networking/secGroupRule:SecGroupRule";

/** Machines of a cloud. A machine of the local cloud is a command: what a cloud would have to do about it is not asked. */
export const instances = [linodeInstance, openstackInstance] as const;

/** Commands over SSH. */
export const remoteCommands = [
  "command:remote:Command",
  "command:remote:CopyFile",
  "command:remote:CopyToRemote",
] as const;

/** Whether a resource is a machine of a cloud. */
export const isInstance = ({ type }: Subject): boolean => (instances as readonly string[]).includes(type);

/** The words by which a machine's part is told: its tags, and on OpenStack its metadata. Throws NotKnownYet. */
export function words({ props }: Subject): string[] {
  const metadata = ["role", "roles", "hashistack-role", "hashistack-roles"].flatMap(
    (key) => props.text(`metadata.${key}`)?.split(/[\s,]+/) ?? [],
  );
  return [...props.texts("tags"), ...metadata].flatMap((word) => [word, word.replace(/^.*[:=]/, "")]);
}

/** Whether a machine is the pet from which the others are reached: by its words or its name. */
export function isSupport(subject: Subject): boolean {
  return (
    /^(support|bastion|jump)(-|$)/.test(subject.name) || words(subject).some((word) => word === "support")
  );
}

/** Whether visitors come to a machine: by its words or its name. */
export function isLoadBalancer(subject: Subject): boolean {
  return (
    /^(edge|lb|load-?balancer|ingress)(-|$)/.test(subject.name) ||
    words(subject).some((word) => /^(load-?balancer|ingress|edge)$/.test(word))
  );
}

/** Setting of rules that spare a developer's stack. */
export const devStacks = {
  devStacks: {
    type: "array" as const,
    items: { type: "string" as const },
    default: ["dev"],
    description: "Stacks that may be thrown away at any time; a last * stands for anything.",
  },
};

/** Whether a stack may be thrown away. */
export function isDev(subject: Subject, config: Readonly<Record<string, unknown>>): boolean {
  return textsOf(config.devStacks).some((each) =>
    each.endsWith("*") ? subject.stack.startsWith(each.slice(0, -1)) : subject.stack === each,
  );
}

/** A list of texts in a rule's configuration. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A number in a rule's configuration. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
