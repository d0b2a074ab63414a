import { linodeFirewall, openstackInstance, openstackPort } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const defaultDrop: Rule = {
  name: "default-drop",
  what: "A filter drops what no rule of it lets in, and is switched on.",
  why: "A daemon that somebody starts by mistake must not be reached before anybody has thought about it.",
  remediation:
    "Linode: inboundPolicy DROP, disabled not set. OpenStack: portSecurityEnabled, security groups of your own, not the default one.",
  severity: "high",
  level: "mandatory",
  types: [linodeFirewall, openstackPort, openstackInstance],
  resource({ type, props }, { violation, each }) {
    if (type === linodeFirewall) {
      each(["inboundPolicy", "disabled"], (path) => {
        const policy = props.text(path);
        if (path === "inboundPolicy" && policy !== "DROP")
          violation(`inboundPolicy is ${policy ?? "not set"}, not DROP`);
        if (path === "disabled" && props.flag(path)) violation("the firewall is disabled");
      });
      return;
    }
    if (type === openstackInstance) {
      if (props.texts("securityGroups").includes("default")) violation('securityGroups has "default"');
      return;
    }
    each(["noSecurityGroups", "portSecurityEnabled"], (path) => {
      if (path === "noSecurityGroups" && props.flag(path)) violation("the port has noSecurityGroups");
      if (
        path === "portSecurityEnabled" &&
        props.text(path) === undefined &&
        props.has(path) &&
        !props.flag(path)
      )
        violation("portSecurityEnabled is false");
    });
  },
};
