import { overlap, parseCidr } from "../topology/cidr";
import { tunnelBits } from "../topology/egress";
import { standsApart } from "../topology/topology";
import type { LinodeCloudSettings, Settings } from "./model";
import { type Report, shown } from "./problems";
import { linodeType, linodeTypeHint } from "./schema";

/** What Linode asks of the settings, so that its API has nothing left to refuse after a preview. */

/** Labels of firewalls (terraform-provider-linode, firewall) and placement groups (@linode/validation): 3 to 32. */
const labelLimit = 32;

/** A tag has 3 to 50 characters, and every resource has the cluster's name for one. */
const tagMinimum = 3;

/** The longest of what follows the cluster's name in a firewall's label. */
const longestEnding = "-inside".length;

/** The addresses that a VPC may have, and those among them that Linode keeps for its older private network. */
const vpcRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const keptRange = "192.168.128.0/17";

export function checkLinode(cloud: LinodeCloudSettings, settings: Partial<Settings>, report: Report): void {
  const { name, network, groups } = settings;
  const own = network && parseCidr(network.ipv4);
  if (cloud.egress === "nat" && own && typeof own !== "string" && own.bits < tunnelBits) {
    report(
      ["network", "ipv4"],
      `/${own.bits} is too large for the cloud's egress "nat", where machines go out by a tunnel: at most a /${tunnelBits}`,
    );
  }
  const nameLimit = labelLimit - longestEnding;
  const fits = name !== undefined && name.length >= tagMinimum && name.length <= nameLimit;
  if (name !== undefined && !fits) {
    report(
      ["name"],
      `has ${name.length} characters; with the cloud linode it must have ${tagMinimum} to ${nameLimit}, ` +
        "since tags and firewalls are named by it",
    );
  }
  if (network) checkNetwork(network, report);
  for (const [group, { size }] of Object.entries(groups ?? {})) {
    if (size !== undefined && !linodeType.test(size)) {
      report(["groups", group, "size"], `${linodeTypeHint}, not ${shown(size)}`);
    }
  }
  for (const [group, form] of fits ? Object.entries(groups ?? {}) : []) {
    const label = `${name}-${group}`;
    if (standsApart(form) && label.length > labelLimit) {
      report(
        ["groups", group],
        `makes a placement group's name of ${label.length} characters, "${label}"; Linode allows ${labelLimit}`,
      );
    }
  }
}

function checkNetwork(network: Settings["network"], report: Report): void {
  if (network.ipv6 !== undefined) {
    report(["network", "ipv6"], "is not for the cloud linode, whose private network has IPv4 alone");
  }
  const own = parseCidr(network.ipv4);
  // What is no network at all is told of elsewhere.
  if (typeof own === "string" || own.family !== "ipv4") return;
  const within = (range: string) => {
    const outer = parseCidr(range);
    return typeof outer !== "string" && outer.bits <= own.bits && overlap(outer, own);
  };
  const kept = parseCidr(keptRange);
  if (!vpcRanges.some(within) || (typeof kept !== "string" && overlap(kept, own))) {
    report(
      ["network", "ipv4"],
      `${network.ipv4} is no network for a VPC of Linode: it lies in ${vpcRanges.join(", ")}, outside of ${keptRange}`,
    );
  }
}
