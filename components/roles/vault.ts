import type { PlanFragment } from "../provisioning/plan";
import { urlHost } from "../topology/members";
import { type Leaf, leafCertificate } from "./leaf";
import { daemonUnit, hardening } from "./units";

/** What a Vault server is made of. Plain values. */
export interface VaultServerPlan {
  node: string;
  cluster: string;
  version: string;
  address: string;
  /** Addresses of all Vault servers. */
  servers: readonly string[];
  /** Raft timing multiplier: 1 is quick, 5 forgives slow disks and busy cores. */
  performanceMultiplier: number;
  /** Where the unsealer answers. An address, never a name that needs Consul. Example: "https://[fd00:1ab::2]:8210". */
  unsealerUrl: string;
  unsealerServerName: string;
  /** Token that may use the transit key and renew itself. */
  unsealerToken: string;
  /** Root certificate of the "support" service, PEM. */
  supportCaPem: string;
  /** Token by which Vault registers itself in Consul. */
  consulToken: string;
  leaf: Leaf;
}

const tlsDirectory = "/etc/ssl/vault";
const unsealerCa = "/etc/ssl/support/ca.pem";

/** Vault takes the whole of `storage` from one file. */
function storageConfig(server: VaultServerPlan): Record<string, unknown> {
  const others = server.servers
    .filter((address) => address !== server.address)
    .map((address) => ({
      leader_api_addr: `https://${urlHost(address)}:8200`,
      leader_ca_cert_file: `${tlsDirectory}/ca.pem`,
      leader_tls_servername: "vault.service.consul",
    }));
  return {
    storage: {
      raft: {
        path: "/var/lib/vault",
        node_id: server.node,
        performance_multiplier: String(server.performanceMultiplier),
        // A joiner has no vote until autopilot looks: by default every ten seconds.
        autopilot_reconcile_interval: "1s",
        autopilot_update_interval: "1s",
        // An empty list is refused: a lone server has none.
        ...(others.length > 0 ? { retry_join: others } : {}),
      },
    },
  };
}

/** The audit is in the journal too, so that Vault goes on where this file cannot be written. */
const rotation = `/var/log/vault/audit.log {
  daily
  maxsize 256M
  rotate 14
  compress
  missingok
  notifempty
  su vault vault
  create 0600 vault vault
  postrotate
    /usr/bin/systemctl kill --kill-whom=main --signal=HUP vault.service
  endscript
}
`;

function serverConfig(server: VaultServerPlan): Record<string, unknown> {
  const host = urlHost(server.address);
  return {
    ui: true,
    cluster_name: server.cluster,
    api_addr: `https://${host}:8200`,
    cluster_addr: `https://${host}:8201`,
    // Raft's own memory map makes locked memory unusable; the unit forbids swapping instead.
    disable_mlock: true,
    listener: [
      {
        tcp: {
          address: "[::]:8200",
          cluster_address: `${host}:8201`,
          tls_cert_file: `${tlsDirectory}/cert.pem`,
          tls_key_file: `${tlsDirectory}/key.pem`,
          tls_min_version: "tls12",
        },
      },
    ],
    seal: {
      transit: {
        address: server.unsealerUrl,
        token: server.unsealerToken,
        key_name: "autounseal",
        mount_path: "transit/",
        tls_ca_cert: unsealerCa,
        tls_server_name: server.unsealerServerName,
      },
    },
    service_registration: {
      consul: {
        address: "127.0.0.1:8501",
        scheme: "https",
        token: server.consulToken,
        tls_ca_file: "/etc/ssl/consul/ca.pem",
      },
    },
  };
}

/** Renders what a machine needs to be a Vault server. */
export function renderVaultServer(server: VaultServerPlan): PlanFragment {
  return {
    users: [{ name: "vault", home: "/var/lib/vault" }],
    directories: [
      { path: "/etc/vault.d", owner: "root", group: "vault", mode: "0750" },
      { path: "/etc/ssl/support", owner: "root", group: "root", mode: "0755" },
      { path: "/var/lib/vault", owner: "vault", group: "vault", mode: "0700" },
      { path: "/var/log/vault", owner: "vault", group: "vault", mode: "0700" },
    ],
    programs: [{ name: "vault", version: server.version }],
    files: [
      {
        path: unsealerCa,
        content: server.supportCaPem,
        owner: "root",
        group: "root",
        mode: "0644",
        notifies: [{ unit: "vault.service", action: "rollout" }],
      },
      {
        path: "/etc/vault.d/vault.json",
        content: `${JSON.stringify(serverConfig(server), null, 2)}\n`,
        owner: "root",
        group: "vault",
        mode: "0640",
        notifies: [{ unit: "vault.service", action: "rollout" }],
      },
      {
        path: "/etc/vault.d/storage.json",
        content: `${JSON.stringify(storageConfig(server), null, 2)}\n`,
        owner: "root",
        group: "vault",
        mode: "0640",
        // Whom to join is asked once in a server's life; what else is in it is in the unit too.
        notifies: [],
      },
      { path: "/etc/logrotate.d/vault", content: rotation, owner: "root", group: "root", mode: "0644" },
    ],
    certificates: [leafCertificate("vault", server.leaf, "vault", "vault.service")],
    units: [
      daemonUnit({
        name: "vault",
        description: "Vault server",
        user: "vault",
        exec: "/usr/local/bin/vault server -config=/etc/vault.d",
        after: ["consul.service"],
        // systemd passes over what begins with X-; for us it is a change of the unit, and so a restart.
        service: [...hardening, "MemorySwapMax=0", `X-PerformanceMultiplier=${server.performanceMultiplier}`],
        onChange: "rollout",
      }),
      { name: "logrotate.timer", enable: true },
    ],
    checks: [
      {
        // It does so only once the unsealer on support has answered; until then it ends and is started again.
        what: "Vault's server listens",
        kind: "tcp",
        target: "[::1]:8200",
        timeoutSeconds: 90,
        journalOf: "vault.service",
      },
    ],
  };
}
