import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../machines/run.js";

/** A certificate with its key: PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for a name or an address, of nobody's authority but its own, for two days. */
export async function ownCertificate(name: string): Promise<KeyPair> {
  const folder = mkdtempSync(join(tmpdir(), "hashistack-certificate-"));
  try {
    const [cert, key] = ["cert.pem", "key.pem"].map((file) => join(folder, file)) as [string, string];
    const alternative = `subjectAltName=${isIP(name) === 0 ? "DNS" : "IP"}:${name}`;
    const named = ["-subj", `/CN=${name}`, "-addext", alternative, "-days", "2"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const words = ["openssl", "req", "-x509", ...curve, "-keyout", key, "-out", cert, ...named];
    await run(words, { what: "making a certificate" });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
