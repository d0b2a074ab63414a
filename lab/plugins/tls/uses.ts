/**
 * The values of `allowedUses` (keyUsages and extendedKeyUsages in common_cert.go of terraform-provider-tls) and what
 * they stand for. Only the names with underscores are taken, as by the official provider.
 */

/** Bits as RFC 5280 §4.2.1.3 counts them. */
const keyUsage: Readonly<Record<string, number>> = {
  digital_signature: 1 << 0,
  content_commitment: 1 << 1,
  key_encipherment: 1 << 2,
  data_encipherment: 1 << 3,
  key_agreement: 1 << 4,
  cert_signing: 1 << 5,
  crl_signing: 1 << 6,
  encipher_only: 1 << 7,
  decipher_only: 1 << 8,
};

/** Object identifiers as in Go's crypto/x509. */
const extendedKeyUsage: Readonly<Record<string, string>> = {
  any_extended: "2.5.29.37.0",
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
  code_signing: "1.3.6.1.5.5.7.3.3",
  email_protection: "1.3.6.1.5.5.7.3.4",
  ipsec_end_system: "1.3.6.1.5.5.7.3.5",
  ipsec_tunnel: "1.3.6.1.5.5.7.3.6",
  ipsec_user: "1.3.6.1.5.5.7.3.7",
  timestamping: "1.3.6.1.5.5.7.3.8",
  ocsp_signing: "1.3.6.1.5.5.7.3.9",
  microsoft_server_gated_crypto: "1.3.6.1.4.1.311.10.3.3",
  netscape_server_gated_crypto: "2.16.840.1.113730.4.1",
  microsoft_commercial_code_signing: "1.3.6.1.4.1.311.2.1.22",
  microsoft_kernel_code_signing: "1.3.6.1.4.1.311.61.1.1",
};

/** Every accepted value of `allowedUses`, sorted. */
export const knownUses: readonly string[] = [
  ...Object.keys(keyUsage),
  ...Object.keys(extendedKeyUsage),
].sort();

/** The key usage bits among the uses. */
export function keyUses(uses: readonly string[]): number {
  return uses.reduce((bits, use) => bits | (keyUsage[use] ?? 0), 0);
}

/** The object identifiers of the extended uses, in the given order. */
export function extendedUses(uses: readonly string[]): readonly string[] {
  return uses.flatMap((use) => extendedKeyUsage[use] ?? []);
}
