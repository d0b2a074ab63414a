import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { readAsset } from "../provisioning/assets";
import type { PlanFragment, PlannedCertificate, PlannedCheck, PlannedFile } from "../provisioning/plan";
import { type Connection, remoteProgram } from "../provisioning/remote";

/** What one machine may ask the signer for, of one service. */
export interface SignerProfile {
  /** The service whose authority signs: the signer's label. */
  readonly label: string;
  /** HMAC key, hex, at least 32 bytes: the machine's own. */
  readonly authKey: string;
  /** Pattern of all names and addresses that its certificates may carry, anchored: `signerWhitelist(names)`. */
  readonly nameWhitelist: string;
  /** Life of a leaf in hours. Example: 720. */
  readonly expiryHours: number;
}

/** One service's issuing authority, as the signer holds it. */
export interface SignerAuthority {
  readonly issuingPem: string;
  readonly issuingKeyPem: string;
}

export interface SignerArgs {
  /** Version of cfssl and multirootca. Example: "1.6.5". */
  readonly version: string;
  /** By service. Support's own is among them. */
  readonly authorities: Readonly<Record<string, SignerAuthority>>;
  /** Support's own leaf, which the signer serves; it is signed on the spot. */
  readonly certificate: PlannedCertificate;
  /** Port that machines speak to. Default 8888. */
  readonly port?: number;
}

/** The unit that signs. */
export const signerUnit = "hashistack-signer.service";

/** Its door: what machines speak to. */
export const gateUnit = "hashistack-signer-gate.service";

const defaultPort = 8888;
/** multirootca itself, on loopback. */
const signerPort = 8889;
const folder = "/etc/hashistack/signer";
const library = "/usr/local/lib/hashistack";
const python = "/usr/bin/python3 -E -s -B";

const credentialsOf = (unit: string): string => `/run/credentials/${unit}`;

function renderRoots(services: readonly string[]): string {
  return services
    .map((service) =>
      [
        `[ ${service} ]`,
        `private = file://${credentialsOf(signerUnit)}/${service}.key`,
        `certificate = ${folder}/${service}.pem`,
        `config = ${folder}/policies/${service}.json`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

const hardening = [
  "Restart=always",
  "RestartSec=1",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectControlGroups=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "ProtectProc=invisible",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
  "RestrictNamespaces=yes",
  "LockPersonality=yes",
  "MemoryDenyWriteExecute=yes",
  "SystemCallArchitectures=native",
  "CapabilityBoundingSet=",
  "LimitCORE=0",
];

/** A unit of the user "signer". Secrets stay root's alone; systemd hands it copies that nobody else can read. */
function renderUnit(
  description: string,
  credentials: readonly string[],
  commands: readonly string[],
): string {
  return [
    "[Unit]",
    `Description=${description}`,
    "Wants=network-online.target",
    "After=network-online.target firewalld.service",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "User=signer",
    "Group=signer",
    ...credentials.map((credential) => `LoadCredential=${credential}`),
    ...commands,
    ...hardening,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

function renderSignerUnit(args: SignerArgs, services: readonly string[]): string {
  const tls = args.certificate.directory;
  const keys = services.map((service) => `${service}.key:${folder}/${service}.key`);
  return renderUnit(
    "Signs the members' certificates",
    [...keys, `tls.key:${tls}/key.pem`],
    [
      // As root: it makes the policies of the machines' profiles, which root alone may write.
      `ExecStartPre=+${python} ${library}/signer_policies.py`,
      `ExecStart=/opt/hashistack/bin/multirootca-${args.version} -a 127.0.0.1:${signerPort} ` +
        `-roots ${folder}/roots.ini -tls-cert ${tls}/cert.pem ` +
        `-tls-key ${credentialsOf(signerUnit)}/tls.key -loglevel 1`,
    ],
  );
}

function renderGateUnit(args: SignerArgs): string {
  const tls = args.certificate.directory;
  return renderUnit(
    "Lets plain requests for certificates through to the signer",
    [`tls.key:${tls}/key.pem`],
    [
      `ExecStart=${python} ${library}/signer_gate.py ${args.port ?? defaultPort} ${signerPort} ` +
        `${args.certificate.commonName} ${tls} ${credentialsOf(gateUnit)}/tls.key`,
    ],
  );
}

function listens(what: string, target: string, journalOf: string): PlannedCheck {
  return { what, kind: "tcp", target, timeoutSeconds: 30, journalOf };
}

/**
 * Renders support's signing service: cfssl's multirootca with one issuing authority for each service, behind a gate
 * that lets only plain requests through. It signs for nobody until `registerProfiles` tells it of a machine.
 */
export function renderSigner(args: SignerArgs): PlanFragment {
  const services = Object.keys(args.authorities).sort();
  const notifies = [{ unit: signerUnit, action: "restart" as const }];
  const file = (name: string, content: string, mode: string): PlannedFile => ({
    path: `${folder}/${name}`,
    content,
    owner: "root",
    group: "root",
    mode,
    notifies,
  });
  return {
    users: [{ name: "signer", home: "/nonexistent" }],
    directories: [
      { path: folder, owner: "root", group: "signer", mode: "0750" },
      { path: `${folder}/policies`, owner: "root", group: "signer", mode: "0750" },
      { path: `${folder}/profiles.d`, owner: "root", group: "root", mode: "0700" },
    ],
    programs: [
      { name: "multirootca", version: args.version },
      { name: "cfssl", version: args.version },
    ],
    files: [
      ...Object.entries(args.authorities).flatMap(([service, authority]) => [
        file(`${service}.pem`, authority.issuingPem, "0644"),
        file(`${service}.key`, authority.issuingKeyPem, "0400"),
      ]),
      file("roots.ini", renderRoots(services), "0644"),
      ...["host", "leaf", "signer_gate", "signer_policies"].map((name) => ({
        path: `${library}/${name}.py`,
        content: readAsset(`provisioning/machine/${name}.py`),
        owner: "root",
        group: "root",
        mode: "0644",
        // All of them run in the gate.
        notifies: [{ unit: gateUnit, action: "restart" as const }],
      })),
    ],
    certificates: [{ ...args.certificate, notifies: [...notifies, { unit: gateUnit, action: "restart" }] }],
    units: [
      { name: signerUnit, content: renderSignerUnit(args, services), enable: true, onChange: "restart" },
      { name: gateUnit, content: renderGateUnit(args), enable: true, onChange: "restart" },
    ],
    checks: [
      listens("the signer listens", `127.0.0.1:${signerPort}`, signerUnit),
      listens("the signer's gate listens", `[::1]:${args.port ?? defaultPort}`, gateUnit),
    ],
  };
}

export interface RegisterProfilesArgs {
  /** Support's logical name: first word of every error. */
  support: string;
  /** How support is reached. */
  connection: pulumi.Input<Connection>;
  /** The cloud's id of support: another support learns the profiles anew. */
  supportId: pulumi.Input<string>;
  /** The profile's name, which the machine's certificates name: another name is another profile. */
  machine: pulumi.Input<string>;
  profiles: pulumi.Input<SignerProfile[]>;
}

/**
 * Tells the signer what a machine may ask for, before the machine asks; with the machine goes its profile. Many at the
 * same time share the signer's restarts.
 */
export function registerProfiles(
  name: string,
  args: RegisterProfilesArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  const modules = ["host", "signer_policies"];
  return remoteProgram(
    `${name}-signer-profile`,
    {
      machine: args.support,
      connection: args.connection,
      program: "provisioning/machine/signer_register",
      imports: modules.map((module) => `provisioning/machine/${module}`),
      input: pulumi.secret(
        pulumi
          .all([args.machine, args.profiles])
          .apply(([machine, profiles]) => ({ machine, profiles, port: signerPort })),
      ),
      timeoutSeconds: 180,
      onDelete: true,
      triggers: [args.supportId, args.machine],
    },
    opts,
  );
}
