import type { PlannedCertificate, PlannedZone } from "../../../components/provisioning/plan";
import type { LabMachine } from "./machines";

/** Parts of the plans that machines of these tests are made by. */

export interface Authority {
  rootPem: string;
  issuingPem: string;
  issuingKeyPem: string;
}

export const serverName = "support.test.internal";
export const authKey = "0f".repeat(32);

/** What the engine and another machine may reach. */
export function zones(ports: number[], other: LabMachine): PlannedZone[] {
  const router = { sources: ["198.51.100.1/32", "fd00:1ab::1/128"], description: "The engine" };
  const open = (port: number) => ({ port: String(port), protocol: "tcp" as const });
  return [
    { ...router, name: "hs10-engine", ports: [open(22)] },
    {
      name: "hs20-members",
      sources: [`${other.privateIpv4}/32`, `${other.privateIpv6}/128`],
      ports: ports.map(open),
      description: "Each other",
    },
  ];
}

/** What a machine asks of the signer. @param by the service's authority */
export function certificate(
  by: Pick<Authority, "rootPem" | "issuingPem">,
  service: string,
  name: string,
  more: Partial<PlannedCertificate> = {},
): PlannedCertificate {
  return {
    service,
    profile: name,
    authKey,
    commonName: service === "support" ? serverName : `${name}.node.consul`,
    dnsNames: ["localhost", service === "support" ? serverName : `${name}.node.consul`],
    ipAddresses: ["127.0.0.1", "::1"],
    directory: `/etc/ssl/${service}`,
    caPem: by.rootPem,
    issuingPem: by.issuingPem,
    owner: "root",
    group: "root",
    notifies: [],
    ...more,
  };
}

/** A unit that listens on a port; another text is another unit. */
export const daemon = (port: number, text: string) => `[Unit]
Description=A daemon of the test

[Service]
User=daemon-a
ExecStart=/usr/bin/python3 -m http.server --bind :: ${port}
# ${text}

[Install]
WantedBy=multi-user.target
`;
