import * as tls from "@pulumi/tls";
import { ServiceAuthority } from "pulumi-hashistack";

// One root each: a leaf of one service does not pass at the other.
const mail = new ServiceAuthority("mail", { service: "mail", organization: "Example" });
const queue = new ServiceAuthority("queue", { service: "queue", organization: "Example", issuingYears: 1 });

// A leaf whose key the program makes, for a server that reads both from the state.
const key = new tls.PrivateKey("mail-server", { algorithm: "ECDSA", ecdsaCurve: "P256" });
const request = new tls.CertRequest("mail-server", {
  privateKeyPem: key.privateKeyPem,
  subject: { commonName: "mail.example.org" },
  dnsNames: ["mail.example.org"],
});
const leaf = new tls.LocallySignedCert("mail-server", {
  certRequestPem: request.certRequestPem,
  caPrivateKeyPem: mail.issuingKeyPem,
  caCertPem: mail.issuingPem,
  validityPeriodHours: 90 * 24,
  earlyRenewalHours: 30 * 24,
  allowedUses: ["digital_signature", "server_auth"],
});

export const roots = { mail: mail.rootPem, queue: queue.rootPem };
export const mailChain = [leaf.certPem, mail.issuingPem];
export const mailKey = key.privateKeyPem;
