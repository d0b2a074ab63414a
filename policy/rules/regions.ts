import { textsOf } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const regions: Rule = {
  name: "regions",
  what: "Everything is in the regions that the user allows.",
  why: "Data must stay where the law wants it, and a slip of the keyboard makes a machine on another continent.",
  remediation: "Set region to one of allowed in the rule's configuration.",
  severity: "medium",
  level: "mandatory",
  types: [
    "linode:index/instance:Instance",
    "linode:index/volume:Volume",
    "linode:index/nodeBalancer:NodeBalancer",
    "linode:index/vpc:Vpc",
    "linode:index/placementGroup:PlacementGroup",
    "openstack:compute/instance:Instance",
    "openstack:blockstorage/volume:Volume",
    "openstack:networking/network:Network",
    "pulumi:providers:openstack",
  ],
  config: {
    allowed: { type: "array", items: { type: "string" }, default: [], description: "Regions; none: any." },
  },
  unless: ({ allowed }) => (textsOf(allowed).length === 0 ? "No regions are set." : undefined),
  resource({ props }, { violation }, config) {
    const allowed = textsOf(config.allowed);
    // Without one it is the provider's, which is looked at itself.
    const region = props.text("region");
    if (region !== undefined && !allowed.includes(region))
      violation(`region ${region} is none of ${allowed.join(", ")}`);
  },
};
