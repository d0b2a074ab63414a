import type { PlannedCertificate } from "../provisioning/plan";

/** What a machine needs to ask for a leaf of one service. Plain values. */
export interface Leaf {
  /** The signer's profile, which is the machine's own. */
  profile: string;
  /** HMAC key of that profile, hex. */
  authKey: string;
  commonName: string;
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
  /** Root of the service, PEM. */
  caPem: string;
  /** Issuing certificate of the service, PEM. */
  issuingPem: string;
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
