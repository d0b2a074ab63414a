import { readAsset } from "../provisioning/assets";
import type { PlanFragment, PlannedFile } from "../provisioning/plan";
import { urlHost } from "../topology/members";
import { type Leaf, leafCertificate } from "./leaf";

/** Who may log in to a machine and what the login may do. */
export interface SshPlan {
  user: string;
  /** Whether the machine is the jump host: connections may pass through to other machines' SSH and to the API pass-through. */
  jump: boolean;
  /** OpenSSH public key by which support makes a server restart what waits for it. Servers only. */
  restartKey?: string;
}

/** What support offers on top of signer and unsealer: artifacts and the way to the APIs. */
export interface SupportPlan {
  /** Addresses of the servers of each service. */
  vaultServers: readonly string[];
  consulServers: readonly string[];
  nomadServers: readonly string[];
  leaf: Leaf;
}

const restartSsh: PlannedFile["notifies"] = [{ unit: "ssh.service", action: "reload" }];

/** SSH as every machine has it: keys only, one user, nothing forwarded but what a jump host must. */
export function renderSsh(ssh: SshPlan): PlanFragment {
  const lines = [
    "PermitRootLogin no",
    // Whatever else is compiled in or comes with a later release.
    "AuthenticationMethods publickey",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    `AllowUsers ${ssh.user}`,
    "AllowAgentForwarding no",
    "AllowStreamLocalForwarding no",
    "GatewayPorts no",
    "X11Forwarding no",
    "PermitTunnel no",
    "PermitUserRC no",
    `AllowTcpForwarding ${ssh.jump ? "local" : "no"}`,
    // sshd knows addresses here, not networks, and a client more changes nothing on support: so any host's SSH.
    ...(ssh.jump ? ["PermitOpen *:22 localhost:8200 localhost:8501 localhost:4646"] : []),
    "MaxAuthTries 3",
    "LoginGraceTime 60",
    // Many sessions begin at once when the cluster is made.
    "MaxStartups 100",
    "MaxSessions 100",
    // Support's key lies where only root can write.
    ...(ssh.restartKey ? ["AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/authorized_keys.d/%u"] : []),
  ];
  const restarts = ssh.restartKey ? renderRestarts(ssh.user, ssh.restartKey) : {};
  return {
    ...restarts,
    files: [
      ...(restarts.files ?? []),
      {
        path: "/etc/ssh/sshd_config.d/00-hashistack.conf",
        content: `${lines.join("\n")}\n`,
        owner: "root",
        group: "root",
        mode: "0644",
        notifies: restartSsh,
      },
    ],
  };
}

/** What support's key may do on a server: have those units restarted that wait for their turn. */
function renderRestarts(user: string, publicKey: string): PlanFragment {
  const ours = { owner: "root", group: "root", mode: "0644" };
  const library = "/usr/local/lib/hashistack";
  const command = `sudo -n --preserve-env=SSH_ORIGINAL_COMMAND /usr/bin/python3 -E -s -B ${library}/restart_pending.py`;
  return {
    directories: [{ ...ours, path: "/etc/ssh/authorized_keys.d", mode: "0755" }],
    files: [
      ...["host", "restart_pending"].map((name) => ({
        ...ours,
        path: `${library}/${name}.py`,
        content: readAsset(`provisioning/machine/${name}.py`),
      })),
      {
        ...ours,
        path: `/etc/ssh/authorized_keys.d/${user}`,
        content: `restrict,command="${command}" ${publicKey}\n`,
      },
    ],
  };
}

function passThrough(name: string, port: number, servers: readonly string[]): string {
  const upstream = servers.map((s) => `    server ${urlHost(s)}:${port} max_fails=1 fail_timeout=5s;`);
  return [
    `  upstream ${name} {`,
    ...upstream,
    "  }",
    "  server {",
    `    listen [::]:${port} ipv6only=off;`,
    `    proxy_pass ${name};`,
    "    proxy_connect_timeout 2s;",
    "    proxy_timeout 15m;",
    "  }",
  ].join("\n");
}

function nginxConfig(support: SupportPlan): string {
  return `# Artifacts for the members, and a way to the servers' APIs for admins. TLS of the APIs ends at the servers.
load_module modules/ngx_stream_module.so;
user www-data;
worker_processes 2;
pid /run/nginx.pid;
error_log syslog:server=unix:/dev/log warn;

events {
  worker_connections 4096;
}

stream {
${passThrough("vault", 8200, support.vaultServers)}
${passThrough("consul", 8501, support.consulServers)}
${passThrough("nomad", 4646, support.nomadServers)}
}

http {
  access_log off;
  server_tokens off;
  sendfile on;
  types { }
  default_type application/octet-stream;
  server {
    listen [::]:8443 ssl ipv6only=off;
    ssl_certificate /etc/ssl/support/cert.pem;
    ssl_certificate_key /etc/ssl/support/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3;
    root /srv/artifacts;
    location / {
      limit_except GET { deny all; }
    }
  }
}
`;
}

/** Debian's unit leaves an nginx that died where it is; with it artifacts and the way to the APIs would stay away. */
const nginxReturns = "[Unit]\nStartLimitIntervalSec=0\n\n[Service]\nRestart=always\nRestartSec=1\n";

/** Renders the artifact store and the API pass-through. */
export function renderSupport(support: SupportPlan): PlanFragment {
  return {
    packages: ["nginx-light", "libnginx-mod-stream"],
    directories: [
      { path: "/srv/artifacts", owner: "root", group: "www-data", mode: "0750" },
      { path: "/etc/systemd/system/nginx.service.d", owner: "root", group: "root", mode: "0755" },
    ],
    files: [
      {
        path: "/etc/nginx/nginx.conf",
        content: nginxConfig(support),
        owner: "root",
        group: "root",
        mode: "0644",
        notifies: [{ unit: "nginx.service", action: "reload" }],
      },
      {
        path: "/etc/systemd/system/nginx.service.d/hashistack.conf",
        content: nginxReturns,
        owner: "root",
        group: "root",
        mode: "0644",
      },
    ],
    certificates: [leafCertificate("support", support.leaf, "root", "nginx.service")],
    units: [{ name: "nginx.service", enable: true }],
    checks: [
      {
        what: "the artifact store listens",
        kind: "tcp",
        target: "[::1]:8443",
        timeoutSeconds: 30,
        journalOf: "nginx.service",
      },
    ],
  };
}
