import type { Property } from "../common/kinds";
import { knownUses } from "./uses";

/**
 * The inputs that several kinds share. What replaces, what has a default and what is secret follows
 * resource_*.go of terraform-provider-tls 4.2, of which pulumi-tls 5.6 is made: nearly all inputs there have
 * RequiresReplace; a changed PEM replaces too (requireReplaceIfStateContainsPEMString in common.go).
 */

/** A list of texts, any change of which replaces the resource. */
const names: Property = { type: "list", of: { type: "string", validate: notEmpty }, forceNew: true };

const text: Property = { type: "string" };

const writeOnly: Property = {
  type: "any",
  unimplemented: "write-only properties need the official plugin; use the property without Wo",
};

/** The private key that a certificate or a request belongs to. */
export const privateKey: Record<string, Property> = {
  privateKeyPem: { type: "string", required: true, forceNew: true, secret: true },
  privateKeyPemWo: writeOnly,
  privateKeyPemWoVersion: writeOnly,
};

/** Who a certificate is for: `subject`, `dnsNames`, `ipAddresses`, `uris`. */
export const certificateNames: Record<string, Property> = {
  subject: {
    type: "object",
    forceNew: true,
    fields: {
      commonName: text,
      country: text,
      emailAddress: text,
      locality: text,
      organization: text,
      organizationalUnit: text,
      postalCode: text,
      province: text,
      serialNumber: text,
      streetAddresses: { type: "list", of: text },
    },
  },
  dnsNames: names,
  ipAddresses: names,
  uris: names,
};

/** What a certificate may do, and how long. `earlyRenewalHours` alone changes without a new certificate. */
export const certificateTerms: Record<string, Property> = {
  allowedUses: {
    type: "list",
    required: true,
    forceNew: true,
    of: { type: "string", validate: oneOf(knownUses) },
  },
  validityPeriodHours: { type: "integer", required: true, forceNew: true, validate: atLeast(0) },
  earlyRenewalHours: { type: "integer", default: 0, validate: atLeast(0) },
  isCaCertificate: { type: "boolean", default: false, forceNew: true },
  maxPathLength: { type: "integer", forceNew: true, validate: atLeast(-1) },
  setSubjectKeyId: { type: "boolean", default: false, forceNew: true },
};

/** The CA that signs, and the request that it signs. */
export const signing: Record<string, Property> = {
  certRequestPem: { type: "string", required: true, forceNew: true },
  caCertPem: { type: "string", required: true, forceNew: true },
  caPrivateKeyPem: { type: "string", required: true, forceNew: true, secret: true },
  caPrivateKeyPemWo: writeOnly,
  caPrivateKeyPemWoVersion: writeOnly,
};

/** Accepts the listed texts alone. */
export function oneOf(accepted: readonly string[]): (value: unknown) => string | undefined {
  return (value) =>
    accepted.includes(String(value)) ? undefined : `is "${value}" but must be one of ${accepted.join(", ")}`;
}

/** Accepts numbers from `least` on. */
export function atLeast(least: number): (value: unknown) => string | undefined {
  return (value) => (Number(value) >= least ? undefined : `is ${value} but must be at least ${least}`);
}

function notEmpty(value: unknown): string | undefined {
  return value === "" ? "must not be empty" : undefined;
}
