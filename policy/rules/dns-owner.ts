import { textsOf } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const nameOf: Readonly<Record<string, string | undefined>> = {
  "linode:index/domain:Domain": "domain",
  "linode:index/domainRecord:DomainRecord": undefined,
  "openstack:dns/zone:Zone": "name",
  "openstack:dns/recordSet:RecordSet": "name",
};

export const dnsOwner: Rule = {
  name: "dns-owner",
  what: "Only the stack that owns a domain has records in it.",
  why: "Two stacks with the same record take the visitors from each other at every run.",
  remediation: "Leave the records out of this stack, or name it in stacks in the rule's configuration.",
  severity: "high",
  level: "mandatory",
  types: Object.keys(nameOf),
  config: {
    stacks: {
      type: "array",
      items: { type: "string" },
      default: ["prod"],
      description: "Stacks that own domains.",
    },
    domains: {
      type: "array",
      items: { type: "string" },
      default: [],
      description:
        "Domains that they own; none: any. Linode's records do not say theirs, so they are not held to it.",
    },
  },
  resource({ type, stack, props }, { violation }, config) {
    const stacks = textsOf(config.stacks);
    if (!stacks.includes(stack)) {
      violation(`the stack ${stack} owns no domain: ${stacks.join(", ") || "none"} does`);
      return;
    }
    const domains = textsOf(config.domains);
    const path = nameOf[type];
    if (domains.length === 0 || !path) return;
    const name = props.text(path)?.replace(/\.$/, "") ?? "";
    if (!domains.some((domain) => name === domain || name.endsWith(`.${domain}`)))
      violation(`${name} is in none of ${domains.join(", ")}`);
  },
};
