import type { PlannedUnit } from "../provisioning/plan";

/** A long-running daemon of ours as a systemd unit. */
export interface Daemon {
  name: string;
  description: string;
  user: string;
  /** The command line, as systemd takes it. */
  exec: string;
  /** Units that come first, where they are on the same machine. */
  after?: string[];
  /** Further lines of [Service]: what this daemon may not be denied, or needs. */
  service?: string[];
  onChange: "restart" | "reload" | "rollout";
}

/**
 * Renders a unit with what all of ours share: it comes back by itself however often it falls, reloads by SIGHUP, and may
 * write only where it keeps its data.
 */
export function daemonUnit(daemon: Daemon): PlannedUnit {
  const after = ["network-online.target", "firewalld.service", ...(daemon.after ?? [])].join(" ");
  const content = [
    "[Unit]",
    `Description=${daemon.description}`,
    "Wants=network-online.target",
    `After=${after}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    `User=${daemon.user}`,
    `Group=${daemon.user}`,
    `ExecStart=${daemon.exec}`,
    "ExecReload=/bin/kill --signal HUP $MAINPID",
    "Restart=always",
    "RestartSec=1",
    "LimitNOFILE=65536",
    "LimitCORE=0",
    ...(daemon.service ?? hardening),
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
  return { name: `${daemon.name}.service`, content, enable: true, onChange: daemon.onChange };
}

/** For daemons that need nothing but their own files and the network. */
export const hardening: string[] = [
  "NoNewPrivileges=yes",
  "ProtectSystem=full",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectControlGroups=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "CapabilityBoundingSet=",
];
