/** An expected host key, as pulumi-command takes it: a line in authorized_keys form. */

export interface HostKey {
  /** The public key in SSH's wire form. */
  blob: Buffer;
  /** The signature algorithms that a server with this key may use. */
  algorithms: ServerHostKeyAlgorithm[];
}

type ServerHostKeyAlgorithm =
  | "ssh-ed25519"
  | "ecdsa-sha2-nistp256"
  | "ecdsa-sha2-nistp384"
  | "ecdsa-sha2-nistp521"
  | "rsa-sha2-512"
  | "rsa-sha2-256"
  | "ssh-rsa";

const ALGORITHMS: Record<string, ServerHostKeyAlgorithm[]> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"],
};

/**
 * Parses `ssh-ed25519 AAAA… comment`; a field before the type (options, or a known_hosts line's host) is passed over,
 * as ssh.ParseAuthorizedKey does.
 */
export function parseHostKey(line: string): HostKey {
  const fields = line.trim().split(/\s+/);
  for (let i = 0; i < fields.length - 1 && i < 2; i++) {
    const algorithms = ALGORITHMS[fields[i]];
    if (algorithms === undefined) continue;
    const blob = Buffer.from(fields[i + 1], "base64");
    const length = blob.length > 4 ? blob.readUInt32BE(0) : 0;
    if (blob.subarray(4, 4 + length).toString() === fields[i]) return { blob, algorithms };
  }
  throw new Error("connection.hostKey is not a public key line such as 'ssh-ed25519 AAAA…'");
}

/** Whether a line is one that parseHostKey reads. */
export function isHostKey(line: string): boolean {
  try {
    parseHostKey(line);
    return true;
  } catch {
    return false;
  }
}
