import { linodeInstance, numberOf, openstackInstance } from "../lib/clouds";
import type { Config, Rule, Subject } from "../lib/rule";
import { linodePrices } from "../prices/linode";

const volume = "linode:index/volume:Volume";
const nodeBalancer = "linode:index/nodeBalancer:NodeBalancer";

/** What a resource costs in a month; undefined where nobody knows. Throws NotKnownYet. */
export function monthlyCost(
  { type, props }: Subject,
  own: Readonly<Record<string, number>>,
): number | undefined {
  const factor = linodePrices.regions[props.text("region") ?? ""] ?? 1;
  switch (type) {
    case linodeInstance: {
      const size = props.text("type") ?? "";
      const listed = linodePrices.types[size];
      const backups = props.flag("backupsEnabled") ? (listed?.backups ?? 0) : 0;
      const machine = own[size] ?? (listed && listed.monthly * factor);
      return machine === undefined ? undefined : machine + backups * factor;
    }
    case openstackInstance:
      return own[props.text("flavorName") ?? props.text("flavorId") ?? ""];
    case volume:
      return (props.number("size") ?? 20) * linodePrices.volumeGb * factor;
    default:
      return linodePrices.nodeBalancer * factor;
  }
}

function pricesOf(config: Config): Record<string, number> {
  return typeof config.prices === "object" && config.prices !== null
    ? (config.prices as Record<string, number>)
    : {};
}

export const budget: Rule = {
  name: "budget",
  what: "The stack costs no more in a month than the user wants to pay.",
  why: "A size or a number that was mistyped is seen before the invoice.",
  remediation: `Take smaller or fewer machines, or raise monthlyLimit. Linode's prices are of ${linodePrices.date}; other prices, and those of OpenStack's flavors, are prices in the rule's configuration.`,
  severity: "medium",
  level: "mandatory",
  types: [linodeInstance, openstackInstance, volume, nodeBalancer],
  config: {
    monthlyLimit: { type: "number", default: 0, description: "Most that a month may cost; 0: no limit." },
    prices: {
      type: "object",
      default: {},
      description: 'A month of a type or flavor, in the limit\'s currency. Example: { "m1.medium": 31 }.',
    },
  },
  unless: ({ monthlyLimit }) => (numberOf(monthlyLimit) ? undefined : "No limit is set (monthlyLimit)."),
  stack(subjects, findings, config) {
    const limit = numberOf(config.monthlyLimit) ?? 0;
    let sum = 0;
    findings.each(subjects, (subject) => {
      const cost = monthlyCost(subject, pricesOf(config));
      if (cost === undefined)
        findings.violation(
          "nobody knows what this costs: give a price in prices in the rule's configuration",
          subject,
        );
      else sum += cost;
    });
    if (sum > limit)
      findings.violation(`a month costs ${sum.toFixed(2)}, and the limit is ${limit.toFixed(2)}`);
  },
};
