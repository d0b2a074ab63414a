import { devStacks, isDev, isSupport, linodeInstance } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const petBackedUp: Rule = {
  name: "pet-backed-up",
  what: "Outside dev the support machine's disk is backed up by its cloud.",
  why: "It is the one machine whose disk is not made again from others.",
  remediation:
    "Set backupsEnabled of support's instance. (OpenStack has no such switch on a machine, so nothing is asked there.)",
  severity: "medium",
  level: "mandatory",
  types: [linodeInstance],
  config: devStacks,
  resource(subject, { violation }, config) {
    if (!isDev(subject, config) && isSupport(subject) && !subject.props.flag("backupsEnabled"))
      violation("support's machine has no backups");
  },
};
