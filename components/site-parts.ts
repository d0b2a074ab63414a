import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { Cluster } from "./cluster";
import type { JobArtifact } from "./jobs/artifact";
import type { ServiceAuthority } from "./pki/authority";
import { remoteProgram } from "./provisioning/remote";
import type { Settings } from "./settings";
import { hostPort } from "./topology/members";
import { portNumbers } from "./topology/ports";
import { nodeClassOf } from "./topology/topology";

/** What the jobs of the site are made of. */

/** How many clients run the site's jobs. Instances of a job are apart where each can have one. */
export function clientsOf({ groups, site }: Settings): number {
  return Object.values(groups)
    .filter((group) => nodeClassOf(group) === site.nodeClass)
    .reduce((sum, { keys }) => sum + keys.length, 0);
}

/** What is put into the store: text of ours, or a program that support's image carries. */
type Content = { text: string } | { program: string; version: string };

/** Puts it into support's artifact store, from which clients fetch it. */
export function publish(
  cluster: Cluster,
  name: string,
  content: Content,
  parent: pulumi.Resource,
): pulumi.Output<JobArtifact> {
  const { support } = cluster.access;
  const input =
    "text" in content
      ? { name, content: Buffer.from(content.text).toString("base64") }
      : { name, program: { name: content.program, version: content.version } };
  const published = remoteProgram(
    `artifact-${name}`,
    {
      machine: support.machine,
      connection: support.connection,
      program: "provisioning/machine/publish",
      input: pulumi.output(input) as pulumi.Output<object>,
      timeoutSeconds: 120,
      // Another support has an empty store.
      triggers: [cluster.supportId],
    },
    { parent, dependsOn: [cluster.supportReady], deletedWith: support.resource },
  );
  return pulumi.all([published.stdout, cluster.supportAddress]).apply(([text, address]) => {
    const { path, sha256 } = JSON.parse(text) as { path: string; sha256: string };
    return { url: `https://${hostPort(address, portNumbers.artifacts)}/${path}`, sha256 };
  });
}

export interface LeafArgs {
  authority: ServiceAuthority;
  commonName: string;
  dnsNames: string[];
  ipAddresses?: pulumi.Input<string[]>;
  /** What it is shown as. Default: "server". */
  as?: "server" | "client";
}

/** A certificate whose key the program makes: for what lies in Vault and not on one machine. */
export function leaf(name: string, args: LeafArgs, opts: pulumi.CustomResourceOptions) {
  const key = new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
  const request = new tls.CertRequest(
    name,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: args.commonName },
      dnsNames: args.dnsNames,
      ipAddresses: args.ipAddresses,
    },
    opts,
  );
  const signed = new tls.LocallySignedCert(
    name,
    {
      certRequestPem: request.certRequestPem,
      caPrivateKeyPem: args.authority.issuingKeyPem,
      caCertPem: args.authority.issuingPem,
      validityPeriodHours: 90 * 24,
      earlyRenewalHours: 30 * 24,
      allowedUses: ["digital_signature", args.as === "client" ? "client_auth" : "server_auth"],
    },
    opts,
  );
  const chain = pulumi.interpolate`${signed.certPem}${args.authority.issuingPem}`;
  return { chain, key: key.privateKeyPem };
}
