import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { readAsset } from "../provisioning/assets";
import type { PlanFragment, PlannedCertificate, PlannedFile } from "../provisioning/plan";
import { type Connection, remoteProgram } from "../provisioning/remote";

/** What one machine may ask the signer for, of one service. */
export interface SignerProfile {
  /** The service whose authority signs: the signer's label. */
  readonly label: string;
  /** HMAC key, hex, at least 32 bytes: the machine's own. */
  readonly authKey: string;
  /** Pattern of all names that its certificates may carry, anchored: `signerWhitelist(names)`. */
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
  /** Port. Default 8888. */
  readonly port?: number;
}

/** The unit that signs. */
export const signerUnit = "hashistack-signer.service";

const defaultPort = 8888;
const folder = "/etc/hashistack/signer";
const library = "/usr/local/lib/hashistack";
const credentials = `/run/credentials/${signerUnit}`;

function renderRoots(services: readonly string[]): string {
  return services
    .map((service) =>
      [
        `[ ${service} ]`,
        `private = file://${credentials}/${service}.key`,
        `certificate = ${folder}/${service}.pem`,
        `config = ${folder}/policies/${service}.json`,
        "",
      ].join("\n"),
    )
    .join("\n");
}

function renderUnit(args: SignerArgs, services: readonly string[]): string {
  const tls = args.certificate.directory;
  const given = [...services.map((s) => `${s}.key:${folder}/${s}.key`), `tls.key:${tls}/key.pem`];
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
    ...given.map((credential) => `LoadCredential=${credential}`),
    // As root: it makes the policies of the machines' profiles, which root alone may write.
    `ExecStartPre=+/usr/bin/python3 -E -s -B ${library}/signer_policies.py`,
    `ExecStart=/opt/hashistack/bin/multirootca-${args.version} -a [::]:${args.port ?? defaultPort} ` +
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
 * Renders support's signing service: cfssl's multirootca with one issuing authority for each service. It signs for nobody
 * until `registerProfiles` tells it of a machine.
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
      ...["host", "signer_policies"].map((name) => ({
        path: `${library}/${name}.py`,
        content: readAsset(`provisioning/machine/${name}.py`),
        owner: "root",
        group: "root",
        mode: "0644",
      })),
    ],
    certificates: [{ ...args.certificate, notifies }],
    units: [{ name: signerUnit, content: renderUnit(args, services), enable: true, onChange: "restart" }],
    checks: [
      {
        what: "the signer listens",
        kind: "tcp",
        target: `[::1]:${args.port ?? defaultPort}`,
        timeoutSeconds: 30,
        journalOf: signerUnit,
      },
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
  /** The signer's port. Default 8888. */
  port?: number;
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
          .apply(([machine, profiles]) => ({ machine, profiles, port: args.port ?? defaultPort })),
      ),
      timeoutSeconds: 180,
      onDelete: true,
      triggers: [args.supportId, args.machine],
    },
    opts,
  );
}
