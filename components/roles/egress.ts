import { readAsset } from "../provisioning/assets";
import type { PlanFragment } from "../provisioning/plan";
import type { TunnelEnd } from "../topology/model";
import { portNumbers } from "../topology/ports";
import { tunnelZone } from "../topology/zone-names";
import { metadataAddresses } from "./task-filter";

/** What a machine needs to go out through support, and support to let it. */

const ours = { owner: "root", group: "root", mode: "0644" };
const library = "/usr/local/lib/hashistack";
const config = "/etc/hashistack/egress.json";
const unit = "hashistack-egress.service";

const service = `[Unit]
Description=The way out through support
Wants=network-online.target
After=network-online.target
Before=hashistack-names.service chrony.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/python3 -E -s -B ${library}/egress.py up
ExecStop=/usr/bin/python3 -E -s -B ${library}/egress.py down
TimeoutStartSec=1min

[Install]
WantedBy=multi-user.target
`;

/** Not the zone's: firewalld knows zones and policies by one set of names. */
const policyName = "hs-way-out";

/**
 * firewalld's policy on support: what came through the tunnel goes on, in support's name, but not back to the cluster, where
 * support may do more than others, nor to what the cloud tells support of itself. "ANY", since firewalld 1.3 takes the
 * default zone for none of what no zone claims.
 */
const policy = (closed: readonly string[]): string => `<?xml version="1.0" encoding="utf-8"?>
<policy target="ACCEPT">
  <short>${policyName}</short>
  <description>Machines without a public address go out</description>
  <ingress-zone name="${tunnelZone}"/>
  <egress-zone name="ANY"/>
  <masquerade/>
${[...closed, ...metadataAddresses.ipv4]
  .map((address) => `  <rule family="ipv4"><destination address="${address}"/><reject/></rule>`)
  .join("\n")}
</policy>
`;

/** Renders one end of the tunnel. */
export function renderEgress(end: TunnelEnd): PlanFragment {
  const gateway = end.remote === undefined;
  return {
    files: [
      ...["host", "egress"].map((name) => ({
        ...ours,
        path: `${library}/${name}.py`,
        content: readAsset(`provisioning/machine/${name}.py`),
      })),
      {
        ...ours,
        path: config,
        content: `${JSON.stringify({ ...end, closed: undefined, port: portNumbers.tunnel }, null, 2)}\n`,
        notifies: [{ unit, action: "restart" }],
      },
      ...(gateway
        ? [{ ...ours, path: `/etc/firewalld/policies/${policyName}.xml`, content: policy(end.closed ?? []) }]
        : []),
    ],
    directories: [{ ...ours, path: "/etc/hashistack", mode: "0755" }],
    units: [{ name: unit, content: service, enable: true, onChange: "restart" }],
    checks: [
      {
        what: gateway ? "others can go out through this machine" : "there is a way out through support",
        kind: "unit",
        target: unit,
        timeoutSeconds: 60,
        journalOf: unit,
      },
    ],
  };
}
