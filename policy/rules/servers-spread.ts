import { instances, isInstance, linodeInstance } from "../lib/clouds";
import type { Rule, Subject } from "../lib/rule";
import { serverComponents, serversIn } from "./servers-odd";

const placementGroup = "linode:index/placementGroup:PlacementGroup";
const serverGroup = "openstack:compute/serverGroup:ServerGroup";

export const serversSpread: Rule = {
  name: "servers-spread",
  what: "Servers of one kind are asked to stand on different hosts of their cloud.",
  why: "Three servers on one host are lost together with it, and the quorum with them.",
  remediation:
    "Linode: placementGroup with placementGroupType anti_affinity:local. OpenStack: schedulerHints with the group of a ServerGroup whose policy is anti-affinity.",
  severity: "medium",
  level: "mandatory",
  types: [...serverComponents, ...instances, placementGroup, serverGroup],
  stack(subjects, findings) {
    const parents = new Set(
      subjects.filter(({ type }) => serverComponents.includes(type)).map(({ parent }) => parent),
    );
    const servers: Subject[] = [];
    findings.each(subjects.filter(isInstance), (machine) => {
      if ((machine.parent && parents.has(machine.parent)) || serversIn(machine).length > 0)
        servers.push(machine);
    });
    // One alone stands apart from nobody.
    if (servers.length < 2) return;
    findings.each(servers, (machine) => {
      const linode = machine.type === linodeInstance;
      const hints = linode
        ? [machine.props.has("placementGroup.id")]
        : machine.props.items("schedulerHints").map((h) => h.has("group"));
      if (!hints.includes(true))
        findings.violation("this server may stand on the same host as another", machine);
    });
    findings.each(subjects, ({ type, props, ...rest }) => {
      const subject = { type, props, ...rest };
      if (type === placementGroup && props.text("placementGroupType") !== "anti_affinity:local")
        findings.violation(`placementGroupType is ${props.text("placementGroupType")}`, subject);
      if (type === serverGroup && !props.texts("policies").some((policy) => policy.endsWith("anti-affinity")))
        findings.violation(`policies is ${props.texts("policies").join(", ") || "empty"}`, subject);
    });
  },
};
