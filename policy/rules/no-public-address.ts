import {
  instances,
  isInstance,
  isLoadBalancer,
  isSupport,
  linodeInstance,
  openstackPort,
  words,
} from "../lib/clouds";
import type { Rule, Subject } from "../lib/rule";

const floating = [
  "openstack:compute/floatingIpAssociate:FloatingIpAssociate",
  "openstack:networking/floatingIpAssociate:FloatingIpAssociate",
  "openstack:networking/floatingIp:FloatingIp",
];

/** On Linode a machine is public unless its interfaces say otherwise. */
function linodeIsPublic({ props }: Subject): boolean {
  const interfaces = props.items("interfaces");
  return (
    interfaces.length === 0 ||
    interfaces.some((each) => each.text("purpose") === "public" || each.has("ipv4.nat11"))
  );
}

export const noPublicAddress: Rule = {
  name: "no-public-address",
  what: "Only support and load balancers have a public address, unless machines go out by one.",
  why: "What has no public address is not found by a scanner, and not opened by a mistake in a filter.",
  remediation:
    "Take the public interface or floating address away; or tag the machine support, load-balancer or egress-public; or set egress to public in the rule's configuration.",
  severity: "high",
  level: "mandatory",
  types: [...instances, openstackPort, ...floating],
  config: {
    egress: {
      type: "string",
      enum: ["nat", "public"],
      default: "nat",
      description: "public: every machine may have an address by which it goes out.",
    },
  },
  unless: ({ egress }) =>
    egress === "public" ? "Machines go out by addresses of their own (egress: public)." : undefined,
  stack(subjects, findings) {
    const machines = subjects.filter(isInstance);
    const ports = new Set(subjects.filter(({ type }) => type === openstackPort).map(({ urn }) => urn));
    const allowed = (machine: Subject) =>
      isSupport(machine) || isLoadBalancer(machine) || words(machine).includes("egress-public");
    findings.each(machines, (machine) => {
      if (machine.type === linodeInstance && linodeIsPublic(machine) && !allowed(machine))
        findings.violation("this machine has a public address", machine);
    });
    findings.each(
      subjects.filter(({ type }) => floating.includes(type)),
      (address) => {
        const paths = ["instanceId", "portId"].filter((path) => address.props.has(path));
        // One that is only reserved is nobody's yet.
        if (paths.length === 0) return;
        const of = paths.flatMap((path) => address.from[path] ?? []);
        // A machine is found through its port.
        const owners = machines.filter(
          ({ urn, from }) =>
            of.includes(urn) || of.some((port) => ports.has(port) && from.networks?.includes(port)),
        );
        const named = isSupport(address) || isLoadBalancer(address);
        if (owners.length === 0 ? !named : !owners.every(allowed))
          findings.violation(
            owners.length === 0
              ? "whose address this is cannot be told, and its own name is neither support's nor a load balancer's"
              : `${owners.map(({ name }) => name).join(", ")} gets a public address`,
            address,
          );
      },
    );
  },
};
