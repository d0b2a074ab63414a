import { textsOf } from "../lib/clouds";
import { eachOpening, filters, isWorld, range, shown } from "../lib/openings";
import type { Rule } from "../lib/rule";

export const noOpenAdminPorts: Rule = {
  name: "no-open-admin-ports",
  what: "No filter lets the world in to SSH or to an API of Consul, Vault or Nomad.",
  why: "Who reaches these ports needs one stolen key or one flaw of a daemon, and has the cluster.",
  remediation:
    "Take the world out of the rule's sources, and put the networks there from which administrators come.",
  severity: "critical",
  level: "mandatory",
  types: filters,
  config: {
    ports: {
      type: "array",
      // What is no port would guard none.
      items: { type: "string", pattern: "^\\d+(-\\d+)?$" },
      default: ["22", "4646-4648", "8200-8201", "8210-8211", "8300-8302", "8500-8503", "8600", "8888-8889"],
      description: "Ports and ranges of ports that administrators and members use.",
    },
  },
  resource(subject, findings, config) {
    const guarded = textsOf(config.ports).map(range);
    eachOpening(subject, findings, ({ where, ports, sources }) => {
      const world = sources.filter(isWorld);
      const open = guarded.filter((own) => ports.some(({ from, to }) => from <= own.to && own.from <= to));
      if (world.length > 0 && open.length > 0) {
        findings.violation(`${where} opens port ${open.map(shown).join(", ")} to ${world.join(", ")}`);
      }
    });
  },
};
