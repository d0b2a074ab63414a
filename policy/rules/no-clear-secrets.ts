import type { Rule } from "../lib/rule";
import { secretIn } from "../lib/secrets";

export const noClearSecrets: Rule = {
  name: "no-clear-secrets",
  what: "No property that is not marked as secret holds a private key, a token of Vault or a password in an address.",
  why: "It would lie in clear in the state, and be shown by every preview.",
  remediation:
    "Mark the value with pulumi.secret where it comes from; then all that is made of it is secret, too.",
  severity: "critical",
  level: "mandatory",
  types: "all",
  resource({ props }, { violation, notKnownYet }) {
    for (const { path, value, secret } of props.leaves(notKnownYet)) {
      const found = secret ? undefined : secretIn(String(value));
      if (found) violation(`${path} holds ${found} in clear`);
    }
  },
};
