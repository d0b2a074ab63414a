/**
 * What Linode asks for a month, in US dollars without tax. Plain data: the plan counts with components/summary/linode-prices.ts,
 * and the policy pack, a package of its own, with the same file as policy/prices/linode.ts, which `npm run docs` writes.
 *
 * List prices of 2025, from public copies of https://www.linode.com/pricing; Linode's own list is
 * https://api.linode.com/v4/linode/types, which could not be asked when this was written. Compare before you rely on it.
 */
export const linodePrices = {
  date: "2025-12-31",
  source: "https://www.linode.com/pricing (list prices of 2025, from public copies)",
  currency: "USD",
  /** By type: the machine, and its backups where they are enabled. */
  types: {
    "g6-nanode-1": { monthly: 5, backups: 2 },
    "g6-standard-1": { monthly: 12, backups: 2.5 },
    "g6-standard-2": { monthly: 24, backups: 5 },
    "g6-standard-4": { monthly: 48, backups: 10 },
    "g6-standard-6": { monthly: 96, backups: 20 },
    "g6-standard-8": { monthly: 192, backups: 40 },
    "g6-standard-16": { monthly: 384, backups: 80 },
    "g6-standard-20": { monthly: 576, backups: 120 },
    "g6-standard-24": { monthly: 768, backups: 160 },
    "g6-standard-32": { monthly: 1152, backups: 240 },
    "g6-dedicated-2": { monthly: 36, backups: 5 },
    "g6-dedicated-4": { monthly: 72, backups: 10 },
    "g6-dedicated-8": { monthly: 144, backups: 20 },
    "g6-dedicated-16": { monthly: 288, backups: 40 },
    "g6-dedicated-32": { monthly: 576, backups: 80 },
    "g6-dedicated-48": { monthly: 864, backups: 120 },
    "g7-highmem-1": { monthly: 60, backups: 5 },
    "g7-highmem-2": { monthly: 120, backups: 10 },
    "g7-highmem-4": { monthly: 240, backups: 20 },
    "g7-highmem-8": { monthly: 480, backups: 40 },
    "g7-highmem-16": { monthly: 960, backups: 60 },
  } as Readonly<Record<string, { readonly monthly: number; readonly backups: number }>>,
  /** Times the price, in regions that ask for more. */
  regions: { "id-cgk": 1.2, "br-gru": 1.4 } as Readonly<Record<string, number>>,
  /** A GB of a volume. */
  volumeGb: 0.1,
  nodeBalancer: 10,
} as const;
