import { hkdfSync } from "node:crypto";

/**
 * Secrets that only this stack must know are derived from one random seed in its encrypted state, so that a machine
 * more is not a handful of resources more. HKDF-SHA256 (RFC 5869): one value tells nothing of another.
 */

function derive(seed: string, label: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", seed, "pulumi-hashistack", label, bytes));
}

/** A key as lower-case hex. `label` says what for; the same label gives the same key. Example: "signer/consul/control-a". */
export function hexKey(seed: string, label: string, bytes = 32): string {
  return derive(seed, label, bytes).toString("hex");
}

/** A key in base64, as gossip encryption and Vault's transit import take it (32 bytes). */
export function base64Key(seed: string, label: string, bytes = 32): string {
  return derive(seed, label, bytes).toString("base64");
}

/** A token in the form of a random (version 4) UUID, as Consul and Nomad ask for. */
export function uuidToken(seed: string, label: string): string {
  const bytes = derive(seed, label, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
