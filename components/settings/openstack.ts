import * as ipaddr from "ipaddr.js";
import { parseCidr, rangeOf, sizeOf } from "../topology/cidr";
import type { OpenStackCloudSettings, Settings } from "./model";
import { type Report, shown } from "./problems";

/** What OpenStack asks of the settings, as far as it can be known without asking it. */

/** Addresses of the private network that machines do not get: those by number, Neutron's own for DHCP, broadcast. */
const kept = 11 + 3 + 1;

export function checkOpenStack(
  cloud: OpenStackCloudSettings,
  settings: Partial<Settings>,
  report: Report,
): void {
  const { network, groups, adminCidrs } = settings;
  for (const [index, server] of (cloud.dnsServers ?? []).entries()) {
    if (!ipaddr.IPv4.isValidFourPartDecimal(server) && !ipaddr.IPv6.isValid(server)) {
      report(["cloud", "dnsServers", index], `must be an address, not ${shown(server)}`);
    }
  }
  if (adminCidrs && !adminCidrs.some((text) => familyOf(text) === "ipv4")) {
    report(
      ["adminCidrs"],
      "name no IPv4 network: support is reached by its floating address, which is of IPv4",
    );
  }
  if (!network) return;
  checkIpv6(cloud, network.ipv6, report);
  const own = parseCidr(network.ipv4);
  const machines = Object.values(groups ?? {}).reduce((sum, { keys }) => sum + keys.length, 0);
  const needed = 2 * machines + kept;
  if (typeof own === "string" || own.family !== "ipv4") return;
  // What is too small for any cloud was told of already.
  if (sizeOf(own) < needed && sizeOf(own) >= 2 * machines + 3) {
    report(
      ["network", "ipv4"],
      `/${own.bits} has ${sizeOf(own)} addresses; ${machines} machines need ${needed} on OpenStack: twice their number, ` +
        `and ${kept} that machines have by number or Neutron for itself`,
    );
  }
}

function checkIpv6(cloud: OpenStackCloudSettings, ipv6: string | undefined, report: Report): void {
  for (const setting of ["ipv6Routed", "ipv6SubnetPool"] as const) {
    if (cloud[setting] && ipv6 === undefined) {
      report(["cloud", setting], "is about network.ipv6, which is not set");
    }
  }
  const own = ipv6 === undefined ? "none" : parseCidr(ipv6);
  if (cloud.ipv6Routed && typeof own !== "string" && rangeOf(own) === "uniqueLocal") {
    report(["cloud", "ipv6Routed"], `must be false: ${ipv6} is for private use, and no cloud carries it`);
  }
}

function familyOf(text: string): string | undefined {
  const cidr = parseCidr(text);
  return typeof cidr === "string" ? undefined : cidr.family;
}
