import { devStacks, isDev } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const root = "tls:index/selfSignedCert:SelfSignedCert";
const key = "tls:index/privateKey:PrivateKey";

export const caRootsProtected: Rule = {
  name: "ca-roots-protected",
  what: "Outside dev the certificates and keys of root authorities are protected.",
  why: "All trust hangs on them: another root, and every certificate in use is worth nothing.",
  remediation: "Set the option protect of the SelfSignedCert and of its PrivateKey.",
  severity: "high",
  level: "mandatory",
  types: [root, key],
  config: devStacks,
  stack(subjects, findings, config) {
    const keys = new Map(subjects.filter(({ type }) => type === key).map((each) => [each.urn, each]));
    findings.each(
      subjects.filter((each) => each.type === root && !isDev(each, config)),
      (each) => {
        if (!each.props.flag("isCaCertificate")) return;
        if (!each.protect) findings.violation("this root certificate is not protected", each);
        for (const urn of each.from.privateKeyPem ?? []) {
          const own = keys.get(urn);
          if (own && !own.protect) findings.violation("this root's key is not protected", own);
        }
      },
    );
  },
};
