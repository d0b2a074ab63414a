import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { PlanFragment, PlannedCertificate, PlannedFile } from "../provisioning/plan";
import { type Connection, remoteProgram } from "../provisioning/remote";

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
  /** Port. Default 8888. */
  readonly port?: number;
}

/** The unit that signs. */
export const signerUnit = "hashistack-signer.service";

const folder = "/etc/hashistack/signer";
const credentials = `/run/credentials/${signerUnit}`;

function renderRoots(services: readonly string[]): string {
  return services
    .map((service) =>
      [
        `[ ${service} ]`,
        `private = file://${credentials}/${service}.key`,
        `certificate = ${folder}/${service}.pem`,
        `config = ${credentials}/${service}.json`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

function renderUnit(args: SignerArgs, services: readonly string[]): string {
  const tls = args.certificate.directory;
  const given = services.flatMap((s) => [`${s}.key:${folder}/${s}.key`, `${s}.json:${folder}/${s}.json`]);
  return [
    "[Unit]",
    "Description=Signs the members' certificates",
    "Wants=network-online.target",
    "After=network-online.target firewalld.service",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    // Its secrets stay root's alone; systemd hands it copies that nobody else can read.
    "User=signer",
    "Group=signer",
    ...[...given, `tls.key:${tls}/key.pem`].map((credential) => `LoadCredential=${credential}`),
    `ExecStart=/opt/hashistack/bin/multirootca-${args.version} -a [::]:${args.port ?? 8888} ` +
      `-roots ${folder}/roots.ini -tls-cert ${tls}/cert.pem -tls-key ${credentials}/tls.key -loglevel 1`,
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
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
}

/**
 * Renders support's signing service: cfssl's multirootca with one issuing authority for each service. Its policies, one
 * profile for each machine, come with the machines: `registerProfiles`, which also starts it. So one machine more changes
 * nothing of support's own plan.
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
    ],
    certificates: [{ ...args.certificate, notifies }],
    units: [{ name: signerUnit, content: renderUnit(args, services), enable: false, onChange: "restart" }],
  };
}

/** What one machine may ask the signer for, of one service. */
export interface SignerProfile {
  /** The service whose authority signs: the signer's label. */
  readonly label: string;
  /** HMAC key, hex: the machine's own. */
  readonly authKey: string;
  /** A pattern that matches the names of the machine's certificates and no other. */
  readonly nameWhitelist: string;
  /** Life of a leaf in hours. */
  readonly expiryHours: number;
}

export interface ProfileArgs {
  /** Support's logical name, its connection and its id: another support must be told again. */
  support: string;
  connection: pulumi.Input<Connection>;
  supportId: pulumi.Input<string>;
  /** The profile's name: the machine's host name. */
  machine: pulumi.Input<string>;
  profiles: pulumi.Input<SignerProfile[]>;
  /** Default 8888. */
  port?: number;
}

/** Lets one machine have its certificates signed, and no others. It is forgotten with the machine. */
export function registerProfiles(
  name: string,
  args: ProfileArgs,
  opts: pulumi.CustomResourceOptions,
): command.remote.Command {
  return remoteProgram(
    `${name}-profiles`,
    {
      machine: args.support,
      connection: args.connection,
      program: "provisioning/machine/signer_register",
      imports: ["provisioning/machine/host"],
      input: pulumi.secret(
        pulumi.all({ machine: args.machine, profiles: args.profiles, port: args.port ?? 8888 }),
      ),
      timeoutSeconds: 120,
      onDelete: true,
      triggers: [args.supportId, args.machine],
    },
    opts,
  );
}
