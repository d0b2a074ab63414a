/**
 * The form of a backup: one file, encrypted with a passphrase.
 *
 *     hashistack-backup 1\n
 *     {"kdf":"scrypt","N":…,"r":…,"p":…,"salt":…,"check":…,"cipher":"aes-256-gcm","nonce":…,"bytes":…}\n
 *     <`bytes` bytes: AES-256-GCM of gzip of a JSON document, its 16 bytes of tag at the end>
 *
 * scrypt makes 48 bytes of passphrase and salt: 32 are the key, the hash of the last 16 is `check`, so that a wrong
 * passphrase is told from a damaged file. Binary values are base64. Both lines are authenticated with the rest.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { CliError } from "./errors";

const MAGIC = "hashistack-backup 1\n";
const TAG = 16;
const CIPHER = "aes-256-gcm";
/** 128 MiB and some tenths of a second for each guess. */
const COST = { N: 2 ** 17, r: 8, p: 1 };
/** What a file may ask for: a made-up one shall not take the memory of the host. */
const MOST = { N: 2 ** 20, r: 8, p: 4 };

const header = z.object({
  kdf: z.literal("scrypt"),
  N: z
    .number()
    .min(2 ** 14)
    .max(MOST.N)
    .refine((cost) => Number.isInteger(Math.log2(cost))),
  r: z.number().int().min(8).max(MOST.r),
  p: z.number().int().min(1).max(MOST.p),
  salt: z.string(),
  check: z.string(),
  cipher: z.literal(CIPHER),
  nonce: z.string(),
  bytes: z.number().int().positive(),
});

async function derive(
  passphrase: string,
  salt: Buffer,
  cost: typeof COST,
): Promise<{ key: Buffer; check: Buffer }> {
  const run = promisify<string, Buffer, number, object, Buffer>(scrypt);
  const made = await run(passphrase.normalize("NFC"), salt, 48, { ...cost, maxmem: 256 * cost.N * cost.r });
  return { key: made.subarray(0, 32), check: createHash("sha256").update(made.subarray(32)).digest() };
}

/** Encrypts a document. Each call gives other bytes. */
export async function seal(document: unknown, passphrase: string, cost = COST): Promise<Buffer> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const { key, check } = await derive(passphrase, salt, cost);
  const plain = gzipSync(JSON.stringify(document));
  const text = {
    ...{ kdf: "scrypt", ...cost, salt: salt.toString("base64"), check: check.toString("base64") },
    ...{ cipher: CIPHER, nonce: nonce.toString("base64"), bytes: plain.length + TAG },
  };
  const head = Buffer.from(`${MAGIC}${JSON.stringify(text)}\n`);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG }).setAAD(head);
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Decrypts a backup.
 *
 * @param name the file's, for errors
 * @throws CliError that says whether it is no backup, cut, damaged, or of another passphrase
 */
export async function unseal(file: Buffer, passphrase: string, name: string): Promise<unknown> {
  const magic = Buffer.from(MAGIC);
  if (!file.subarray(0, magic.length).equals(magic)) {
    const version = /^hashistack-backup (\d+)\n/.exec(file.subarray(0, 40).toString("latin1"))?.[1];
    throw new CliError(
      version ? `${name} has form ${version}, which this version cannot read` : `${name} is no backup`,
    );
  }
  const end = file.indexOf("\n", magic.length) + 1;
  const known = end > 0 ? header.safeParse(json(file.subarray(magic.length, end).toString())) : undefined;
  if (!known?.success) throw new CliError(`${name} is damaged or cut: its head cannot be read`);
  const { bytes, salt, check, nonce, N, r, p } = known.data;
  const body = file.subarray(end);
  if (body.length < bytes) throw new CliError(`${name} is cut: ${body.length} of ${bytes} bytes are there`);
  const derived = await derive(passphrase, Buffer.from(salt, "base64"), { N, r, p });
  const wanted = Buffer.from(check, "base64");
  if (wanted.length !== derived.check.length || !timingSafeEqual(wanted, derived.check)) {
    throw new CliError(`this is not the passphrase of ${name}`);
  }
  try {
    const decipher = createDecipheriv(CIPHER, derived.key, Buffer.from(nonce, "base64"), {
      authTagLength: TAG,
    });
    decipher.setAAD(file.subarray(0, end)).setAuthTag(body.subarray(bytes - TAG, bytes));
    if (body.length > bytes) throw new Error("there is more behind its end");
    const plain = Buffer.concat([decipher.update(body.subarray(0, bytes - TAG)), decipher.final()]);
    return JSON.parse(gunzipSync(plain).toString());
  } catch {
    throw new CliError(`${name} is damaged: it is not what was written`);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
