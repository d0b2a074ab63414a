import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { toOpenSsh, toPem } from "./openssh";

const generate = promisify(generateKeyPair);

/** Accepted values of `algorithm`, as the official provider names them (types.go of terraform-provider-tls). */
export const algorithms = ["RSA", "ECDSA", "ED25519"] as const;
/** Accepted values of `ecdsaCurve`. */
export const ecdsaCurves = ["P224", "P256", "P384", "P521"] as const;

export type Algorithm = (typeof algorithms)[number];
export type EcdsaCurve = (typeof ecdsaCurves)[number];

const openSslCurves: Readonly<Record<EcdsaCurve, string>> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};

/** The computed properties of a `tls.PrivateKey`; the ones about SSH are empty for the curve P224. */
export interface PrivateKeyOutputs {
  readonly privateKeyPem: string;
  readonly privateKeyPemPkcs8: string;
  readonly privateKeyOpenssh: string;
  readonly publicKeyPem: string;
  readonly publicKeyOpenssh: string;
  readonly publicKeyFingerprintMd5: string;
  readonly publicKeyFingerprintSha256: string;
}

/** Makes a new key. `bits` counts for RSA alone, `curve` for ECDSA alone. */
export async function generatePrivateKey(
  algorithm: Algorithm,
  curve: EcdsaCurve,
  bits: number,
): Promise<KeyObject> {
  switch (algorithm) {
    case "RSA":
      return (await generate("rsa", { modulusLength: bits, publicExponent: 0x10001 })).privateKey;
    case "ECDSA":
      return (await generate("ec", { namedCurve: openSslCurves[curve] })).privateKey;
    case "ED25519":
      return (await generate("ed25519")).privateKey;
  }
}

/** The id of a key resource: SHA-1 of the public key (hashForState in common.go of the official provider). */
export function keyId(key: KeyObject): string {
  return createHash("sha1").update(spki(key)).digest("hex");
}

/** Every encoding that the official provider gives (resource_private_key.go): PKCS#1, SEC 1 or PKCS#8 by kind. */
export function describePrivateKey(key: KeyObject): PrivateKeyOutputs {
  const pkcs8 = key.export({ type: "pkcs8", format: "pem" }).toString();
  const ssh = toOpenSsh(key);
  return {
    privateKeyPem: traditionalPem(key) ?? pkcs8,
    privateKeyPemPkcs8: pkcs8,
    privateKeyOpenssh: ssh?.privateKey ?? "",
    publicKeyPem: toPem("PUBLIC KEY", spki(key)),
    publicKeyOpenssh: ssh?.publicKey ?? "",
    publicKeyFingerprintMd5: ssh?.fingerprintMd5 ?? "",
    publicKeyFingerprintSha256: ssh?.fingerprintSha256 ?? "",
  };
}

/**
 * Reads a private key in PEM, PKCS#1, SEC 1 or PKCS#8.
 * @throws when it is none, naming the property and never quoting the value.
 */
export function parsePrivateKey(pem: string, property: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new Error(`${property} is not a readable private key in PEM format`);
  }
  keyAlgorithm(key, property);
  return key;
}

/** The official provider's name for the kind of a key. */
export function keyAlgorithm(key: KeyObject, property: string): Algorithm {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return "RSA";
    case "ec":
      return "ECDSA";
    case "ed25519":
      return "ED25519";
    default:
      throw new Error(`${property} is a key of the unsupported kind ${key.asymmetricKeyType}`);
  }
}

function traditionalPem(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ type: "pkcs1", format: "pem" }).toString();
    case "ec":
      return key.export({ type: "sec1", format: "pem" }).toString();
    default:
      return undefined;
  }
}

function spki(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}
