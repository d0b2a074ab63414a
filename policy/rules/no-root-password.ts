import { instances, linodeInstance } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const paths: Record<string, string> = { [linodeInstance]: "rootPass" };

export const noRootPassword: Rule = {
  name: "no-root-password",
  what: "No machine is given a password for root or its administrator.",
  why: "A password that somebody has chosen is known to somebody, and opens the cloud's console.",
  remediation: "Leave rootPass and adminPass out, and log in with keys.",
  severity: "high",
  level: "mandatory",
  types: instances,
  resource({ type, props }, { violation, each }) {
    const path = paths[type] ?? "adminPass";
    if (props.has(path)) violation(`${path} is set`);
    if (type === linodeInstance) {
      each(props.items("disks"), (disk) => {
        if (disk.has("rootPass")) violation(`rootPass of the disk "${disk.text("label") ?? "?"}" is set`);
      });
    }
  },
};
