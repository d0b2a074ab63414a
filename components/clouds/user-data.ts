/** What a machine is told at its first start, on clouds whose images run cloud-init. */

/** As in the contract, with plain values. */
export interface PlainFirstContact {
  readonly user: string;
  readonly authorizedKeys: readonly string[];
  readonly hostKey: string;
}

/**
 * The document for cloud-init: one user with sudo and keys, a throw-away host key, no password. Nothing else, for whoever
 * runs on the machine can ask the cloud for it; and nothing that changes, for on most clouds another document is another
 * machine. The machine's host name is the one it has in the cloud.
 * @returns a "#cloud-config" document. Its rest is JSON, which is YAML without doubts about quoting
 */
export function renderUserData({ user, authorizedKeys, hostKey }: PlainFirstContact): string {
  const document = {
    users: [
      {
        name: user,
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: true,
        ssh_authorized_keys: authorizedKeys.map((key) => key.trim()),
      },
    ],
    disable_root: true,
    ssh_pwauth: false,
    // The image's own, if any, are those of every machine made of it.
    ssh_deletekeys: true,
    ssh_keys: { ecdsa_private: `${hostKey.trim()}\n` },
  };
  return `#cloud-config\n${JSON.stringify(document, null, 2)}\n`;
}
