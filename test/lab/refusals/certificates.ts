import "reflect-metadata";
import { createPrivateKey, randomUUID, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** Certificates that a thief of an authority, or somebody with one of his own, could show. */

/** PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const hour = 3_600_000;

async function keysOf(pem: string): Promise<webcrypto.CryptoKey> {
  const pkcs8 = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return (await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, [
    "sign",
  ])) as webcrypto.CryptoKey;
}

async function freshKeys(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8.toString("base64").replace(/(.{64})/g, "$1\n")}\n-----END PRIVATE KEY-----\n`;
  return { keys, pem };
}

/**
 * A leaf of an authority.
 * @param hours when its life begins and ends, from now
 */
export async function leafOf(
  issuing: Pair,
  names: readonly string[],
  hours: readonly [number, number],
): Promise<Pair> {
  const { keys, pem } = await freshKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomUUID().replaceAll("-", ""),
    subject: `CN=${names[0]}`,
    issuer: new x509.X509Certificate(issuing.cert).subject,
    publicKey: keys.publicKey,
    notBefore: new Date(Date.now() + hours[0] * hour),
    notAfter: new Date(Date.now() + hours[1] * hour),
    signingAlgorithm: algorithm,
    signingKey: await keysOf(issuing.key),
    extensions: [
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n${issuing.cert}`, key: pem };
}

/** An authority of nobody's, which calls itself as another does. */
export async function foreignAuthority(like: string): Promise<Pair> {
  const { keys, pem } = await freshKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomUUID().replaceAll("-", ""),
    name: new x509.X509Certificate(like).subject,
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + hour),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 1, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  return { cert: `${certificate.toString("pem")}\n`, key: pem };
}
