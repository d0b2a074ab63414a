import { readAsset } from "../provisioning/assets";
import type { PlanFragment } from "../provisioning/plan";

/** What a machine with a kernel of its own does for itself: in a lab its host has the clock and hands on the names. */

const ours = { owner: "root", group: "root", mode: "0644" };
const library = "/usr/local/lib/hashistack";

/** No port for its own command line, which has a socket; servers and steps are those of Debian's configuration. */
const clock = "cmdport 0\n";

const nameServers = `[Unit]
Description=Ask the cloud's name servers for names that are not the cluster's
Wants=network-online.target
After=network-online.target systemd-resolved.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -E -s -B ${library}/name_servers.py
TimeoutStartSec=2min

[Install]
WantedBy=multi-user.target
`;

const whenRewritten = `[Unit]
Description=Look when somebody writes /etc/resolv.conf

[Path]
PathChanged=/etc/resolv.conf

[Install]
WantedBy=multi-user.target
`;

/** Renders what keeps time and finds the cloud's name servers. */
export function renderSystem(): PlanFragment {
  return {
    packages: ["chrony"],
    directories: [{ ...ours, path: "/etc/hashistack", mode: "0755" }],
    files: [
      {
        ...ours,
        path: "/etc/chrony/conf.d/hashistack.conf",
        content: clock,
        notifies: [{ unit: "chrony.service", action: "restart" }],
      },
      ...["host", "name_servers"].map((name) => ({
        ...ours,
        path: `${library}/${name}.py`,
        content: readAsset(`provisioning/machine/${name}.py`),
      })),
    ],
    units: [
      { name: "chrony.service", enable: true },
      { name: "hashistack-names.service", content: nameServers, enable: true, onChange: "restart" },
      { name: "hashistack-names.path", content: whenRewritten, enable: true, onChange: "restart" },
    ],
    checks: [
      {
        what: "names are asked of the cloud's servers",
        kind: "unit",
        target: "hashistack-names.service",
        timeoutSeconds: 60,
        journalOf: "hashistack-names.service",
      },
    ],
  };
}
