import type { CloudSettings } from "../settings/model";
import { linodePrices } from "./linode-prices";
import type { DeployedMachine, MonthlyCost, PlannedCost, PlannedMachine } from "./model";

/** What machines cost, by a cloud's prices: Linode's list, or what the settings tell of an OpenStack. */

/** Amounts are of whole cents; their sums are no others for having been counted in binary. */
function cents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

/**
 * What a machine costs a month.
 * @param machine what is not known of it counts as not there
 * @returns undefined where it costs nothing, or nobody knows the price of its size
 */
export function monthlyCost(
  cloud: CloudSettings,
  machine: Pick<DeployedMachine, "size" | "publicAddress" | "backups" | "volumeGb">,
): MonthlyCost | undefined {
  const parts = partsOf(cloud, machine);
  if (!parts) return undefined;
  const total = cents(Object.values(parts).reduce((sum, part) => sum + part, 0));
  return { ...parts, total };
}

function partsOf(
  cloud: CloudSettings,
  { size = "", publicAddress, backups, volumeGb }: Parameters<typeof monthlyCost>[1],
): Omit<MonthlyCost, "total"> | undefined {
  switch (cloud.kind) {
    case "local":
      return undefined;
    case "linode": {
      const listed = priceIn(linodePrices.types, size);
      if (!listed) return undefined;
      const factor = priceIn(linodePrices.regions, cloud.region) ?? 1;
      return {
        machine: cents(listed.monthly * factor),
        ...(backups ? { backups: cents(listed.backups * factor) } : {}),
      };
    }
    case "openstack": {
      const { prices } = cloud;
      const machine = prices && priceIn(prices.sizes, size);
      if (!prices || machine === undefined) return undefined;
      return {
        machine: cents(machine),
        ...(volumeGb && prices.volumeGb ? { volume: cents(volumeGb * prices.volumeGb) } : {}),
        ...(publicAddress === "reached" && prices.floatingAddress
          ? { address: cents(prices.floatingAddress) }
          : {}),
      };
    }
  }
}

function priceIn<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** The sum of all machines; undefined where no prices are known at all. */
export function plannedCost(
  cloud: CloudSettings,
  machines: readonly PlannedMachine[],
): PlannedCost | undefined {
  const prices = pricesOf(cloud);
  if (!prices) return undefined;
  const unpriced = machines.filter(({ cost }) => !cost).map(({ size }) => size ?? "");
  return { ...prices, monthly: sumOf(machines.map(({ cost }) => cost)), unpriced: [...new Set(unpriced)] };
}

/** The sum of what is known. */
export function sumOf(costs: readonly (MonthlyCost | undefined)[]): number {
  return cents(costs.reduce((sum, cost) => sum + (cost?.total ?? 0), 0));
}

function pricesOf(cloud: CloudSettings): Pick<PlannedCost, "currency" | "date" | "source"> | undefined {
  switch (cloud.kind) {
    case "local":
      return undefined;
    case "linode": {
      const { currency, date, source } = linodePrices;
      return { currency, date, source };
    }
    case "openstack": {
      if (!cloud.prices) return undefined;
      const { currency, date, source } = cloud.prices;
      return {
        currency,
        ...(date === undefined ? {} : { date }),
        source: source ?? "the settings' cloud.prices",
      };
    }
  }
}
