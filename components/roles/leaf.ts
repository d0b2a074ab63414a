import type { PlanFragment, PlannedCertificate } from "../provisioning/plan";

/** What a machine needs to ask for a leaf of one service. Plain values. */
export interface Leaf {
  /** The signer's profile, which is the machine's own. */
  profile: string;
  /** HMAC key of that profile, hex. */
  authKey: string;
  /** Example: "dev-control-a-1f2e3d4c". */
  commonName: string;
  /** All names that it is asked for. Example: ["server.dc1.consul", "localhost"]. */
  dnsNames: readonly string[];
  /** All addresses that it is asked for by. Example: ["127.0.0.1"]. */
  ipAddresses: readonly string[];
  /** Root of the service, PEM. */
  caPem: string;
  /** Issuing certificate of the service, PEM. */
  issuingPem: string;
}

/** A certificate that somebody else made, and looks after. Plain values. */
export interface GivenCertificate {
  /** Root certificates that the service's members trust, PEM. */
  caPem: string;
  /** The machine's certificate, PEM, and after it those that lead to the root. */
  certificatePem: string;
  /** Its private key, PEM. Secret. */
  keyPem: string;
}

/** A given certificate as files, where a leaf of our own would lie; the daemon takes a new one by reload. */
export function givenCertificate(
  service: string,
  given: GivenCertificate,
  group: string,
  unit: string,
): Pick<PlanFragment, "directories" | "files"> {
  const directory = `/etc/ssl/${service}`;
  const file = (name: string, content: string, mode: string) => ({
    path: `${directory}/${name}.pem`,
    content,
    owner: "root",
    group,
    mode,
    notifies: [{ unit, action: "reload" as const }],
  });
  return {
    directories: [{ path: directory, owner: "root", group: "root", mode: "0755" }],
    files: [
      file("ca", given.caPem, "0644"),
      file("cert", given.certificatePem, "0644"),
      file("key", given.keyPem, "0640"),
    ],
  };
}

/** A leaf as the plan of a machine has it; the daemon takes a new one by reload. */
export function leafCertificate(
  service: string,
  leaf: Leaf,
  group: string,
  unit: string,
): PlannedCertificate {
  return {
    ...leaf,
    service,
    directory: `/etc/ssl/${service}`,
    owner: "root",
    group,
    notifies: [{ unit, action: "reload" }],
  };
}
