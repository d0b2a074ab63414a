/**
 * What a machine shall be, as plain data. Roles render fragments of it, `mergePlans` makes one plan of them,
 * `machine/apply.py` makes the machine so. The order of the fields is the order of the phases.
 */

/** A system user and its group of the same name. */
export interface PlannedUser {
  readonly name: string;
  readonly home: string;
}

/** A directory that must exist. */
export interface PlannedDirectory {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
  /** Octal, four digits. Example: "0750". */
  readonly mode: string;
}

/** A program of a pinned version, `/opt/hashistack/bin/<name>-<version>`, linked as `/usr/local/bin/<name>`. */
export interface PlannedProgram {
  readonly name: string;
  readonly version: string;
  /**
   * SHA-256, hex. Where the image carries the program, the image's own record (`<program>.sha256`) must agree.
   * Undefined: the image's record alone is trusted.
   */
  readonly sha256?: string;
  /** Where to fetch it when the image does not carry it: https only, verified with `caFile`. */
  readonly url?: string;
  readonly caFile?: string;
}

/** A file with exact content, owner and mode. */
export interface PlannedFile {
  readonly path: string;
  readonly content: string;
  readonly owner: string;
  readonly group: string;
  readonly mode: string;
  /** Units that must take notice when this file changes on a machine where they run already. */
  readonly notifies?: readonly Notice[];
}

/** What a unit does about a change: `restart` and `reload` at once; `rollout` waits for its turn in the server group. */
export interface Notice {
  readonly unit: string;
  readonly action: "restart" | "reload" | "rollout";
}

/** A leaf certificate that the machine asks of support's signer with a key of its own, which never leaves it. */
export interface PlannedCertificate {
  /** The service whose CA signs: the signer's label. */
  readonly service: string;
  /** The signer's profile: this machine's own. */
  readonly profile: string;
  /** HMAC key of the profile, hex. */
  readonly authKey: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Where {ca,cert,key}.pem lie. Example: "/etc/ssl/consul". */
  readonly directory: string;
  /** Root certificate of the service, PEM. */
  readonly caPem: string;
  /** The issuing certificate, PEM, appended to the leaf. */
  readonly issuingPem: string;
  readonly owner: string;
  readonly group: string;
  /** Units told of a new certificate. */
  readonly notifies: readonly Notice[];
}

/** Where certificates are signed. */
export interface PlannedSigner {
  /** Example: "https://[fd00:1ab::2]:8888". Undefined on support itself, which signs with its own issuing keys. */
  readonly url?: string;
  /** Name to verify in the signer's certificate. */
  readonly serverName: string;
  /** Root certificate of the "support" service, PEM. */
  readonly caPem: string;
}

/** One firewalld zone. Zones are bound to sources; the default zone drops. */
export interface PlannedZone {
  /** At most 17 characters. firewalld looks at zones in the order of their names: narrower sources sort first. */
  readonly name: string;
  /** CIDRs. */
  readonly sources: readonly string[];
  readonly ports: readonly { readonly port: string; readonly protocol: "tcp" | "udp" }[];
  /** Whether a source that leaves is let in for 15 minutes more: a machine that hands over before it goes. Default false. */
  readonly leaversLinger?: boolean;
  /** Why, for the file's description. */
  readonly description: string;
}

/** A systemd unit. With `content` it is written to /etc/systemd/system. */
export interface PlannedUnit {
  readonly name: string;
  readonly content?: string;
  /** Started now and at every boot; false: only written (units that others start). */
  readonly enable: boolean;
  /** What a change of the unit's own file does. */
  readonly onChange?: "restart" | "reload" | "rollout";
  /** The table of nft's that it loads at its start and its reload, from a file of the plan. Example: "inet hashistack". */
  readonly table?: { readonly name: string; readonly file: string };
}

/** What the machine itself can show when it is right. Waited for at the end, each within its limit. */
export interface PlannedCheck {
  /** In the user's words. Example: "Consul agent listens on 8501". */
  readonly what: string;
  readonly kind: "unit" | "tcp";
  /** Unit name, or "host:port" ("[::1]:8501"). */
  readonly target: string;
  readonly timeoutSeconds: number;
  /** The unit whose journal is shown when the check fails. */
  readonly journalOf: string;
}

/** A fragment: what one role adds to its machine. */
export interface PlanFragment {
  /** Debian packages that must be there. */
  readonly packages?: readonly string[];
  /** Users of daemons. */
  readonly users?: readonly PlannedUser[];
  /** With their owners and modes. */
  readonly directories?: readonly PlannedDirectory[];
  /** Programs of pinned versions. */
  readonly programs?: readonly PlannedProgram[];
  /** With their whole content. */
  readonly files?: readonly PlannedFile[];
  /** Who may knock at which ports. Those of one name add up. */
  readonly zones?: readonly PlannedZone[];
  /** Certificates that the machine asks for itself. */
  readonly certificates?: readonly PlannedCertificate[];
  /** What systemd runs. */
  readonly units?: readonly PlannedUnit[];
  /** What must hold in the end. */
  readonly checks?: readonly PlannedCheck[];
}

/** The whole plan of one machine. */
export interface MachinePlan extends Required<PlanFragment> {
  /** The machine's logical name, for messages. */
  readonly machine: string;
  /** The name that it calls itself. */
  readonly hostname: string;
  /** Undefined where nothing is signed: certificates that somebody else made are files. */
  readonly signer?: PlannedSigner;
}
