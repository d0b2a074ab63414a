import {
  instances,
  isInstance,
  linodeFirewall,
  linodeFirewallDevice,
  linodeInstance,
  openstackPort,
} from "../lib/clouds";
import type { Rule, Subject } from "../lib/rule";

/** Whether a list has a member, known or not. */
function some({ props }: Subject, path: string): boolean {
  return props.items(path).length > 0;
}

export const machinesBehindFirewall: Rule = {
  name: "machines-behind-firewall",
  what: "Every machine stands behind a filter of its cloud.",
  why: "The machine's own firewall is set up after its first start, and a mistake in it shall not be the last line.",
  remediation:
    "Linode: firewallId of the instance, or the instance in linodes of a Firewall. OpenStack: securityGroups of the instance or securityGroupIds of all its ports.",
  severity: "critical",
  level: "mandatory",
  types: [...instances, linodeFirewall, linodeFirewallDevice, openstackPort],
  stack(subjects, findings) {
    /** Machines that a firewall of the stack names, by what the property was made from. */
    const named = new Set(
      subjects.flatMap(({ type, from }) =>
        type === linodeFirewall
          ? (from.linodes ?? [])
          : type === linodeFirewallDevice
            ? (from.entityId ?? [])
            : [],
      ),
    );
    const ports = new Map(
      subjects.filter(({ type }) => type === openstackPort).map((port) => [port.urn, port]),
    );
    findings.each(subjects.filter(isInstance), (machine) => {
      if (machine.type === linodeInstance) {
        if (!machine.props.has("firewallId") && !named.has(machine.urn))
          findings.violation("no firewall is in front of this machine", machine);
        return;
      }
      if (some(machine, "securityGroups")) return;
      const own = (machine.from.networks ?? []).flatMap((urn) => ports.get(urn) ?? []);
      const bare = own.filter((port) => !some(port, "securityGroupIds"));
      if (own.length === 0)
        findings.violation("no security group is named, so it gets the default one", machine);
      for (const port of bare) findings.violation(`its port ${port.name} is in no security group`, machine);
    });
  },
};
