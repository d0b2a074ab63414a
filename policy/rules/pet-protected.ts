import { devStacks, instances, isDev, isSupport } from "../lib/clouds";
import type { Rule } from "../lib/rule";

export const petProtected: Rule = {
  name: "pet-protected",
  what: "Outside dev the support machine is protected.",
  why: "It signs certificates and unseals Vault: to delete it by a slip stops both.",
  remediation: "Set the option protect of the machine's resource (not of a component above it).",
  severity: "high",
  level: "mandatory",
  types: instances,
  config: devStacks,
  resource(subject, { violation }, config) {
    if (!isDev(subject, config) && isSupport(subject) && !subject.protect)
      violation("support's machine is not protected");
  },
};
