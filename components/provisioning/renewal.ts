import { readAsset } from "./assets";
import type { MachinePlan, PlanFragment, PlannedFile } from "./plan";

/**
 * What renews a machine's certificates without anybody: the same program that asked for them first, and a timer.
 *
 * The timer looks every hour, so it is meant for leaves that live a day or more.
 */
export function renderRenewal(plan: Pick<MachinePlan, "certificates" | "signer">): PlanFragment {
  if (plan.certificates.length === 0) return {};
  const ours = { owner: "root", group: "root" };
  const program = (name: string): PlannedFile => ({
    ...ours,
    path: `/usr/local/lib/hashistack/${name}.py`,
    content: readAsset(`provisioning/machine/${name}.py`),
    mode: "0644",
  });
  return {
    directories: [{ ...ours, path: "/etc/hashistack/leaf", mode: "0700" }],
    files: [
      program("host"),
      program("leaf"),
      ...plan.certificates.map((leaf) => ({
        ...ours,
        path: `/etc/hashistack/leaf/${leaf.service}.json`,
        content: `${JSON.stringify({ leaf, signer: plan.signer }, null, 1)}\n`,
        mode: "0600",
      })),
    ],
    units: [
      { name: "hashistack-leaf.service", content: service, enable: false },
      { name: "hashistack-leaf.timer", content: timer, enable: true, onChange: "restart" },
    ],
  };
}

const service = `[Unit]
Description=Renew this machine's certificates
After=network-online.target

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -E -s -B /usr/local/lib/hashistack/leaf.py renew
TimeoutStartSec=15min
NoNewPrivileges=yes
ProtectHome=yes
PrivateTmp=yes
`;

const timer = `[Unit]
Description=Look after this machine's certificates

[Timer]
OnCalendar=hourly
RandomizedDelaySec=45min
Persistent=true

[Install]
WantedBy=timers.target
`;
