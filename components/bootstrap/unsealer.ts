import { readAsset } from "../provisioning/assets";
import type { PlanFragment, PlannedCertificate, PlannedFile } from "../provisioning/plan";
import { daemonUnit, hardening } from "../roles/units";
import { base64Key, uuidToken } from "../secrets/derive";
import { hostPort, urlHost } from "../topology/members";

/**
 * The unsealer: a small Vault on support whose one transit key unseals Vault's servers. What it holds follows from the
 * stack's seed, so a support lost is made again and Vault's servers do not see the difference.
 */

export interface UnsealerArgs {
  /** Version of Vault. */
  readonly version: string;
  /** Support's address among the members. Example: "fd00:1ab::2". */
  readonly address: string;
  /** The name in support's certificate. Example: "support.dev.internal". */
  readonly serverName: string;
  /** Support's own leaf, which the unsealer serves. */
  readonly certificate: PlannedCertificate;
  /** The stack's seed. */
  readonly seed: string;
  /** Node names of the Vault servers. Example: ["dev-control-a-1f2e3d4c"]. */
  readonly servers: readonly string[];
  /** Port. Default 8210. */
  readonly port?: number;
}

export const unsealerUnit = "unsealer.service";
export const unsealerSetupUnit = "unsealer-setup.service";

const folder = "/etc/hashistack/unsealer";
const state = "/var/lib/hashistack/unsealer";
const data = "/var/lib/unsealer";
const library = "/usr/local/lib/hashistack";
const credentials = `/run/credentials/${unsealerUnit}`;

/** The token that one Vault server shows the unsealer. Secret. */
export function unsealerToken(seed: string, node: string): string {
  return uuidToken(seed, `unsealer/token/${node}`);
}

function serverConfig(args: UnsealerArgs, port: number): Record<string, unknown> {
  return {
    disable_mlock: true,
    api_addr: `https://${hostPort(args.address, port)}`,
    cluster_addr: "https://127.0.0.1:8211",
    listener: [
      {
        tcp: {
          address: `[::]:${port}`,
          cluster_address: "127.0.0.1:8211",
          tls_cert_file: `${credentials}/cert.pem`,
          tls_key_file: `${credentials}/key.pem`,
          tls_min_version: "tls12",
        },
      },
    ],
    storage: { raft: { path: data, node_id: "unsealer", performance_multiplier: "1" } },
  };
}

/** How long the token of a Vault server that leaves lives on: as long as the others' firewalls let it in (leaving.py). */
const lingerSeconds = 900;

/** Run by hand, too: it makes the unsealer ready, however far it has come. */
function setupUnit(): string {
  return [
    "[Unit]",
    "Description=Unseals the unsealer and gives it its key and tokens",
    `After=${unsealerUnit}`,
    // With each start of the unsealer it is sealed again.
    `PartOf=${unsealerUnit}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    `ExecStart=/usr/bin/python3 -E -s -B ${library}/unsealer_setup.py ${folder}/secrets.json`,
    "Restart=on-failure",
    "RestartSec=1",
    "TimeoutStartSec=300",
    "UMask=0077",
    "LimitCORE=0",
    "",
    "[Install]",
    `WantedBy=${unsealerUnit}`,
    "",
  ].join("\n");
}

/** Renders what support needs to unseal Vault. */
export function renderUnsealer(args: UnsealerArgs): PlanFragment {
  const port = args.port ?? 8210;
  const secrets = {
    address: hostPort("127.0.0.1", port),
    serverName: args.serverName,
    caFile: `${args.certificate.directory}/ca.pem`,
    state,
    data,
    unit: unsealerUnit,
    lingerSeconds,
    again: [
      ...["systemd-run", "--quiet", "--collect", `--on-active=${lingerSeconds + 60}s`],
      ...["systemctl", "restart", unsealerSetupUnit],
    ],
    keyName: "autounseal",
    transitKey: base64Key(args.seed, "unsealer/transit"),
    tokens: Object.fromEntries(args.servers.map((node) => [node, unsealerToken(args.seed, node)])),
  };
  const restart = (unit: string) => [{ unit, action: "restart" as const }];
  const program = (name: string): PlannedFile => ({
    path: `${library}/${name}.py`,
    content: readAsset(`bootstrap/machine/${name}.py`),
    owner: "root",
    group: "root",
    mode: "0644",
  });
  return {
    users: [{ name: "unsealer", home: data }],
    directories: [
      { path: folder, owner: "root", group: "unsealer", mode: "0750" },
      { path: state, owner: "root", group: "root", mode: "0700" },
      { path: data, owner: "unsealer", group: "unsealer", mode: "0700" },
    ],
    programs: [{ name: "vault", version: args.version }],
    files: [
      {
        path: `${folder}/vault.json`,
        content: `${JSON.stringify(serverConfig(args, port), null, 2)}\n`,
        owner: "root",
        group: "unsealer",
        mode: "0640",
        notifies: restart(unsealerUnit),
      },
      {
        path: `${folder}/secrets.json`,
        content: `${JSON.stringify(secrets, null, 2)}\n`,
        owner: "root",
        group: "root",
        mode: "0400",
        notifies: restart(unsealerSetupUnit),
      },
      program("cluster_api"),
      program("unsealer_setup"),
    ],
    // It reads its certificate when it starts; Vault's servers do without it for the moment.
    certificates: [{ ...args.certificate, notifies: restart(unsealerUnit) }],
    units: [
      daemonUnit({
        name: "unsealer",
        description: "Vault that unseals Vault",
        user: "unsealer",
        exec: `/usr/local/bin/vault server -config=${folder}/vault.json`,
        service: [
          ...hardening,
          ...["cert", "key"].map((n) => `LoadCredential=${n}.pem:${args.certificate.directory}/${n}.pem`),
          "MemorySwapMax=0",
        ],
        onChange: "restart",
      }),
      { name: unsealerSetupUnit, content: setupUnit(), enable: true, onChange: "restart" },
    ],
    checks: [
      {
        what: "the unsealer listens",
        kind: "tcp",
        target: `[::1]:${port}`,
        timeoutSeconds: 60,
        journalOf: unsealerUnit,
      },
      // Its setup goes on while the members are made; whoever needs it looks at its unit.
    ],
  };
}

/** Where Vault's servers find the unsealer: an address, never a name that needs Consul. */
export function unsealerUrl(address: string, port = 8210): string {
  return `https://${urlHost(address)}:${port}`;
}
