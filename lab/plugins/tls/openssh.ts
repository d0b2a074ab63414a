import { createHash, type JsonWebKey, type KeyObject, randomBytes } from "node:crypto";

/**
 * The two formats of OpenSSH keys: the line of `authorized_keys` (RFC 4253) and the private key file
 * (openssh-key-v1, PROTOCOL.key of OpenSSH), without passphrase and without comment, as Go's
 * x/crypto/ssh, which the official provider uses, writes them.
 */

const curves: Readonly<Record<string, string>> = {
  "P-256": "nistp256",
  "P-384": "nistp384",
  "P-521": "nistp521",
};

/** What SSH shows of a key. */
export interface OpenSshKey {
  /** `openssh-key-v1` PEM file, with a final newline. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` with a final newline and no comment. */
  readonly publicKey: string;
  /** `aa:bb:…` */
  readonly fingerprintMd5: string;
  /** `SHA256:…`, base64 without padding. */
  readonly fingerprintSha256: string;
}

/**
 * Encodes a private key for SSH.
 * @returns undefined for a kind of key that SSH does not know (the curve P-224).
 */
export function toOpenSsh(key: KeyObject): OpenSshKey | undefined {
  const parts = sshParts(key);
  if (parts === undefined) {
    return undefined;
  }
  const blob = Buffer.concat([text(parts.type), ...parts.publicFields]);
  // Two equal random numbers: with a passphrase they would show whether it was the right one.
  const check = randomBytes(4);
  const secret = Buffer.concat([check, check, text(parts.type), ...parts.privateFields, text("")]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0", "latin1"),
    text("none"),
    text("none"),
    text(""),
    uint32(1),
    field(blob),
    field(Buffer.concat([secret, padding])),
  ]);
  return {
    privateKey: toPem("OPENSSH PRIVATE KEY", file),
    publicKey: `${parts.type} ${blob.toString("base64")}\n`,
    fingerprintMd5: createHash("md5").update(blob).digest("hex").match(/../g)?.join(":") ?? "",
    fingerprintSha256: `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`,
  };
}

/** PEM text of DER bytes: lines of 64 characters and a final newline, as Go writes it. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

interface SshParts {
  readonly type: string;
  readonly publicFields: readonly Buffer[];
  readonly privateFields: readonly Buffer[];
}

function sshParts(key: KeyObject): SshParts | undefined {
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "secp224r1") {
    return undefined;
  }
  const jwk = key.export({ format: "jwk" });
  if (key.asymmetricKeyType === "ed25519") {
    const publicKey = bytes(jwk, "x");
    const both = field(Buffer.concat([bytes(jwk, "d"), publicKey]));
    return {
      type: "ssh-ed25519",
      publicFields: [field(publicKey)],
      privateFields: [field(publicKey), both],
    };
  }
  if (key.asymmetricKeyType === "rsa") {
    const [n, e] = [integer(bytes(jwk, "n")), integer(bytes(jwk, "e"))];
    const rest = ["d", "qi", "p", "q"].map((name) => integer(bytes(jwk, name as keyof JsonWebKey)));
    return { type: "ssh-rsa", publicFields: [e, n], privateFields: [n, e, ...rest] };
  }
  const curve = curves[jwk.crv ?? ""];
  if (curve === undefined) {
    return undefined;
  }
  const point = field(Buffer.concat([Buffer.from([4]), bytes(jwk, "x"), bytes(jwk, "y")]));
  return {
    type: `ecdsa-sha2-${curve}`,
    publicFields: [text(curve), point],
    privateFields: [text(curve), point, integer(bytes(jwk, "d"))],
  };
}

function bytes(jwk: JsonWebKey, name: keyof JsonWebKey): Buffer {
  const value = jwk[name];
  if (typeof value !== "string") {
    throw new Error(`The key has no part ${String(name)}`);
  }
  return Buffer.from(value, "base64url");
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

function field(value: Buffer): Buffer {
  return Buffer.concat([uint32(value.length), value]);
}

function text(value: string): Buffer {
  return field(Buffer.from(value, "utf8"));
}

/** SSH's mpint: no leading zeros, but one where the highest bit is set, since the number is positive. */
function integer(value: Buffer): Buffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) {
    start += 1;
  }
  const digits = value.subarray(start);
  return field(((digits[0] ?? 0) & 0x80) === 0 ? digits : Buffer.concat([Buffer.from([0]), digits]));
}
