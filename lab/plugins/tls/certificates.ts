import "reflect-metadata";
import { createHash, createPublicKey, type KeyObject, randomBytes, webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { keyAlgorithm, parsePrivateKey } from "./keys";
import { toPem } from "./openssh";
import { encodeSubject, type Subject } from "./subject";
import { extendedUses, keyUses } from "./uses";

/** Who a certificate is for. */
export interface CertificateNames {
  readonly subject?: Subject;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly uris?: readonly string[];
}

/** What a certificate may do, and how long. */
export interface CertificateTerms {
  readonly allowedUses: readonly string[];
  readonly validityPeriodHours: number;
  readonly isCaCertificate: boolean;
  /** Undefined or -1: no limit. */
  readonly maxPathLength?: number;
  readonly setSubjectKeyId: boolean;
  /** Self-signed certificates alone have this setting; a signed one always names its CA's key. */
  readonly setAuthorityKeyId?: boolean;
}

export interface IssuedCertificate {
  /** The serial number in decimal: the resource's id. */
  readonly id: string;
  readonly certPem: string;
  readonly validityStartTime: string;
  readonly validityEndTime: string;
}

/** Makes a certificate that its own key signs. `now` is the start of its validity. */
export async function selfSign(
  privateKeyPem: string,
  names: CertificateNames,
  terms: CertificateTerms,
  now: Date,
): Promise<IssuedCertificate> {
  const key = parsePrivateKey(privateKeyPem, "privateKeyPem");
  const publicKey = createPublicKey(key);
  const subject = encodeSubject(names.subject ?? {});
  const ski = terms.isCaCertificate || terms.setSubjectKeyId ? subjectKeyId(publicKey) : undefined;
  if (terms.setAuthorityKeyId && ski === undefined) {
    throw new Error("setAuthorityKeyId needs setSubjectKeyId or isCaCertificate: there is no key id to name");
  }
  return issue({
    subject,
    issuer: subject,
    publicKey,
    signingKey: await signingKey(key, "privateKeyPem"),
    alternativeNames: alternativeNames(names),
    subjectKeyId: ski,
    authorityKeyId: terms.setAuthorityKeyId ? ski : undefined,
    terms,
    now,
  });
}

/** Makes a PKCS#10 request. @returns its PEM and, as the id, the SHA-1 of its DER form. */
export async function createRequest(
  privateKeyPem: string,
  names: CertificateNames,
): Promise<{ readonly id: string; readonly certRequestPem: string }> {
  const key = parsePrivateKey(privateKeyPem, "privateKeyPem");
  const signer = await signingKey(key, "privateKeyPem");
  const sans = alternativeNames(names);
  const subject = encodeSubject(names.subject ?? {});
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: subject,
      keys: { privateKey: signer.key, publicKey: await importPublic(key, signer.algorithm) },
      signingAlgorithm: signer.algorithm,
      extensions:
        sans.length > 0 ? [new x509.SubjectAlternativeNameExtension([...sans], isEmpty(subject))] : [],
    },
    webcrypto,
  );
  const der = Buffer.from(request.rawData);
  return {
    id: createHash("sha1").update(der).digest("hex"),
    certRequestPem: toPem("CERTIFICATE REQUEST", der),
  };
}

/** Makes a certificate for a request's names and key, signed by a CA. */
export async function signRequest(
  certRequestPem: string,
  caCertPem: string,
  caPrivateKeyPem: string,
  terms: CertificateTerms,
  now: Date,
): Promise<IssuedCertificate> {
  const request = readPem("certRequestPem", () => new x509.Pkcs10CertificateRequest(certRequestPem));
  const authority = readPem("caCertPem", () => new x509.X509Certificate(caCertPem));
  const caKey = parsePrivateKey(caPrivateKeyPem, "caPrivateKeyPem");
  const caSpki = createPublicKey(caKey).export({ type: "spki", format: "der" });
  if (!caSpki.equals(Buffer.from(authority.publicKey.rawData))) {
    throw new Error("caPrivateKeyPem is not the key of the certificate caCertPem");
  }
  if (authority.getExtension(x509.BasicConstraintsExtension)?.ca !== true) {
    throw new Error("caCertPem is not the certificate of a certificate authority");
  }
  const publicKey = createPublicKey({
    key: Buffer.from(request.publicKey.rawData),
    format: "der",
    type: "spki",
  });
  const sans = request.extensions.find((e) => e instanceof x509.SubjectAlternativeNameExtension);
  const authorityKeyId = authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  return issue({
    subject: request.subjectName,
    issuer: authority.subjectName,
    publicKey,
    signingKey: await signingKey(caKey, "caPrivateKeyPem"),
    alternativeNames: (sans?.names.items ?? []).filter(({ type }) => ["dns", "ip", "url"].includes(type)),
    subjectKeyId: terms.isCaCertificate || terms.setSubjectKeyId ? subjectKeyId(publicKey) : undefined,
    // crypto/x509 names the authority's key wherever issuer and subject differ.
    authorityKeyId:
      authorityKeyId === undefined || sameName(request.subjectName, authority.subjectName)
        ? undefined
        : authorityKeyId,
    terms,
    now,
  });
}

interface Issue {
  readonly subject: x509.Name;
  readonly issuer: x509.Name;
  readonly publicKey: KeyObject;
  readonly signingKey: SigningKey;
  readonly alternativeNames: readonly x509.JsonGeneralName[];
  readonly subjectKeyId: string | undefined;
  readonly authorityKeyId: string | undefined;
  readonly terms: CertificateTerms;
  readonly now: Date;
}

/** The extensions come in the order, and with the criticality, that Go's crypto/x509 gives them. */
async function issue(what: Issue): Promise<IssuedCertificate> {
  const { terms, subject } = what;
  const pathLength = terms.maxPathLength === -1 ? undefined : terms.maxPathLength;
  if (terms.isCaCertificate && isEmpty(subject)) {
    throw new Error("subject must have at least one name for the certificate of an authority");
  }
  if (!terms.isCaCertificate && pathLength !== undefined) {
    throw new Error("maxPathLength is for certificate authorities alone: set isCaCertificate");
  }
  const flags = keyUses(terms.allowedUses);
  const extended = extendedUses(terms.allowedUses);
  const extensions: x509.Extension[] = [];
  if (flags !== 0) {
    extensions.push(new x509.KeyUsagesExtension(flags, true));
  }
  if (extended.length > 0) {
    extensions.push(new x509.ExtendedKeyUsageExtension([...extended], false));
  }
  extensions.push(new x509.BasicConstraintsExtension(terms.isCaCertificate, pathLength, true));
  if (what.subjectKeyId !== undefined) {
    extensions.push(new x509.SubjectKeyIdentifierExtension(what.subjectKeyId, false));
  }
  if (what.authorityKeyId !== undefined) {
    extensions.push(new x509.AuthorityKeyIdentifierExtension(what.authorityKeyId, false));
  }
  if (what.alternativeNames.length > 0) {
    const critical = isEmpty(subject);
    extensions.push(new x509.SubjectAlternativeNameExtension([...what.alternativeNames], critical));
  }
  const serial = randomSerial();
  const end = new Date(what.now.getTime() + terms.validityPeriodHours * 3_600_000);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial.toString("hex"),
      subject,
      issuer: what.issuer,
      notBefore: what.now,
      notAfter: end,
      publicKey: what.publicKey.export({ type: "spki", format: "der" }),
      signingKey: what.signingKey.key,
      signingAlgorithm: what.signingKey.algorithm,
      extensions,
    },
    webcrypto,
  );
  return {
    id: BigInt(`0x${serial.toString("hex")}`).toString(10),
    certPem: toPem("CERTIFICATE", new Uint8Array(certificate.rawData)),
    validityStartTime: what.now.toISOString(),
    validityEndTime: end.toISOString(),
  };
}

/** 128 random bits; the highest is cleared, so that the number is positive in any encoding. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8(serial.readUInt8(0) & 0x7f, 0);
  return serial;
}

interface SigningKey {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams | webcrypto.Algorithm;
}

/** The hash goes with the key, as in crypto/x509: SHA-256, -384 or -512 by curve, SHA-256 for RSA. */
async function signingKey(key: KeyObject, property: string): Promise<SigningKey> {
  const algorithm = signatureAlgorithm(key, property);
  const der = key.export({ type: "pkcs8", format: "der" });
  return { algorithm, key: await webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]) };
}

async function importPublic(
  key: KeyObject,
  algorithm: SigningKey["algorithm"],
): Promise<webcrypto.CryptoKey> {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return webcrypto.subtle.importKey("spki", der, algorithm, true, ["verify"]);
}

function signatureAlgorithm(key: KeyObject, property: string): SigningKey["algorithm"] {
  switch (keyAlgorithm(key, property)) {
    case "RSA":
      return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    case "ED25519":
      return { name: "Ed25519" };
    case "ECDSA":
      switch (key.asymmetricKeyDetails?.namedCurve) {
        case "prime256v1":
          return ecdsa("P-256", "SHA-256");
        case "secp384r1":
          return ecdsa("P-384", "SHA-384");
        case "secp521r1":
          return ecdsa("P-521", "SHA-512");
        default:
          throw new Error(
            `${property} has a curve that this plugin signs nothing with: use P256, P384 or P521`,
          );
      }
  }
}

function ecdsa(namedCurve: string, hash: string): webcrypto.EcKeyImportParams & { hash: string } {
  return { name: "ECDSA", namedCurve, hash };
}

/**
 * SHA-1 of the public key, as generateSubjectKeyID of the official provider (common_cert.go) computes it. For
 * Ed25519 that is of the key inside an OCTET STRING, unlike what RFC 5280 proposes: any unique value will do.
 */
function subjectKeyId(publicKey: KeyObject): string {
  const hash = createHash("sha1");
  if (publicKey.asymmetricKeyType === "rsa") {
    return hash.update(publicKey.export({ type: "pkcs1", format: "der" })).digest("hex");
  }
  const jwk = publicKey.export({ format: "jwk" });
  const x = Buffer.from(jwk.x ?? "", "base64url");
  if (publicKey.asymmetricKeyType === "ed25519") {
    return hash
      .update(Buffer.from([0x04, x.length]))
      .update(x)
      .digest("hex");
  }
  const y = Buffer.from(jwk.y ?? "", "base64url");
  return hash
    .update(Buffer.from([0x04]))
    .update(x)
    .update(y)
    .digest("hex");
}

function alternativeNames(names: CertificateNames): x509.JsonGeneralName[] {
  const { dnsNames = [], ipAddresses = [], uris = [] } = names;
  for (const address of ipAddresses) {
    if (isIP(address) === 0) {
      throw new Error(`ipAddresses: "${address}" is not an IP address`);
    }
  }
  for (const uri of uris) {
    if (!URL.canParse(uri)) {
      throw new Error(`uris: "${uri}" is not a URI`);
    }
  }
  return [
    ...dnsNames.map((value) => ({ type: "dns" as const, value })),
    ...ipAddresses.map((value) => ({ type: "ip" as const, value })),
    ...uris.map((value) => ({ type: "url" as const, value })),
  ];
}

function readPem<T>(property: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new Error(`${property} is not readable in PEM format`);
  }
}

function isEmpty(name: x509.Name): boolean {
  return name.toJSON().length === 0;
}

function sameName(one: x509.Name, other: x509.Name): boolean {
  return Buffer.from(one.toArrayBuffer()).equals(Buffer.from(other.toArrayBuffer()));
}
