import { numberOf } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const hoursOfYear = 8766;
const root = "tls:index/selfSignedCert:SelfSignedCert";
const signed = "tls:index/locallySignedCert:LocallySignedCert";

export const certificateLifetimes: Rule = {
  name: "certificate-lifetimes",
  what: "Certificates live as long as they are useful, and are made anew before they end.",
  why: "A root that ends takes the cluster with it; a leaf that never ends is a password that is never changed.",
  remediation: "Set validityPeriodHours within the bounds, and earlyRenewalHours of what an authority signs.",
  severity: "medium",
  level: "mandatory",
  types: [root, signed],
  config: {
    rootYearsMin: { type: "number", default: 2, description: "Least life of a root, in years." },
    rootYearsMax: { type: "number", default: 15, description: "Longest life of a root, in years." },
    issuingYearsMax: {
      type: "number",
      default: 5,
      description: "Longest life of an issuing certificate, in years.",
    },
    leafDaysMax: {
      type: "number",
      default: 800,
      description: "Longest life of any other certificate, in days.",
    },
  },
  resource({ type, props }, { violation, each }, config) {
    const years = (name: string) => (numberOf(config[name]) ?? 0) * hoursOfYear;
    const hours = props.number("validityPeriodHours") ?? 0;
    const authority = props.flag("isCaCertificate");
    const [kind, least, most] =
      type === root && authority
        ? ["root", years("rootYearsMin"), years("rootYearsMax")]
        : authority
          ? ["issuing certificate", 0, years("issuingYearsMax")]
          : ["certificate", 0, (numberOf(config.leafDaysMax) ?? 0) * 24];
    if (hours < least)
      violation(`this ${kind} lives ${hours} hours, which is less than ${Math.round(least)}`);
    if (hours > most) violation(`this ${kind} lives ${hours} hours, which is more than ${Math.round(most)}`);
    each(type === signed ? ["earlyRenewalHours"] : [], (path) => {
      const early = props.number(path) ?? 0;
      if (early <= 0) violation("earlyRenewalHours is not set, so nothing renews it before it ends");
      else if (early >= hours)
        violation(`earlyRenewalHours ${early} is not less than its life of ${hours} hours`);
    });
  },
};
