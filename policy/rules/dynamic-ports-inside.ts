import { numberOf, textsOf } from "../lib/clouds";
import { eachOpening, filters, isPrivate, shown } from "../lib/openings";
import type { Rule } from "../lib/rule";

export const dynamicPortsInside: Rule = {
  name: "dynamic-ports-inside",
  what: "The ports that Nomad gives to tasks are open to private networks and security groups only.",
  why: "Tasks trust whoever reaches them by such a port to be a member of the cluster, such as its ingress.",
  remediation:
    "Open the range to the private network or to the members' security group, and let visitors come by the ingress.",
  severity: "high",
  level: "mandatory",
  types: filters,
  config: {
    from: { type: "integer", default: 20_000, description: "First dynamic port (Nomad's min_dynamic_port)." },
    to: { type: "integer", default: 32_000, description: "Last dynamic port (Nomad's max_dynamic_port)." },
    members: {
      type: "array",
      items: { type: "string" },
      default: [],
      description: "Networks of the cluster's own that are not private ones. Example: 2001:db8:7::/64.",
    },
  },
  resource(subject, findings, config) {
    const own = { from: numberOf(config.from) ?? 20_000, to: numberOf(config.to) ?? 32_000 };
    const members = textsOf(config.members);
    eachOpening(subject, findings, ({ where, ports, sources }) => {
      const outside = sources.filter((source) => !isPrivate(source, members));
      const open = ports.filter(({ from, to }) => from <= own.to && own.from <= to);
      if (outside.length > 0 && open.length > 0) {
        findings.violation(`${where} opens ${open.map(shown).join(", ")} to ${outside.join(", ")}`);
      }
    });
  },
};
