import type { ApplyInput } from "../../../components/provisioning/apply";

/** Owner, group and mode of what a machine keeps. */

/** Path to "owner:group mode", or to "missing" for what must not be there. */
export type Owners = Readonly<Record<string, string>>;

/** Folders of which every file must be planned, or be named in `kept`: where keys and settings lie. */
export const ours = [
  "/etc/consul.d",
  "/etc/nomad.d",
  "/etc/vault.d",
  "/etc/ssl/consul",
  "/etc/ssl/nomad",
  "/etc/ssl/support",
  "/etc/ssl/vault",
  "/etc/hashistack",
  "/etc/ssh/authorized_keys.d",
  "/etc/ssh/sshd_config.d",
  "/etc/firewalld/zones",
  "/usr/local/lib/hashistack",
];

/** What no plan has, of every machine. */
const everywhere: Owners = {
  "/etc/ssh/ssh_host_ed25519_key": "root:root 0600",
  "/etc/ssh/ssh_host_ecdsa_key": "missing",
  "/etc/ssh/ssh_host_rsa_key": "missing",
  // From the image, and by the apply itself: which host key there is.
  "/etc/ssh/sshd_config.d/05-hashistack-host-key.conf": "root:root 0644",
  "/etc/ssh/sshd_config.d/10-hashistack.conf": "root:root 0644",
  "/home/ops/.ssh": "ops:ops 0700",
  "/home/ops/.ssh/authorized_keys": "ops:ops 0600",
  "/root/.ssh/authorized_keys": "missing",
  "/var/lib/hashistack": "root:root 0755",
};

/** The same of support: what the signer and the unsealer make themselves. */
const onSupport: Owners = {
  "/etc/hashistack/signer/policies/consul.json": "root:signer 0640",
  "/etc/hashistack/signer/policies/nomad.json": "root:signer 0640",
  "/etc/hashistack/signer/policies/support.json": "root:signer 0640",
  "/etc/hashistack/signer/policies/vault.json": "root:signer 0640",
  "/var/lib/hashistack/vault-init.json": "missing",
};

/** The key of a certificate: its daemon reads it as its owner or, better, as its group, and then cannot change it. */
const keyMode = (owner: string, group: string) => (owner === "root" && group !== "root" ? "0640" : "0600");

/**
 * Everything that a machine's plan puts down, and what must be so besides.
 * @param profiles names of the machines that the signer knows, for support
 */
export function ownersOf(plan: ApplyInput, profiles: readonly string[] = []): Owners {
  const planned = [
    ...[...plan.directories, ...plan.files].map(({ path, owner, group, mode }) => [
      path,
      `${owner}:${group} ${mode}`,
    ]),
    ...plan.certificates.flatMap(({ directory, owner, group }) => [
      [`${directory}/ca.pem`, `${owner}:${group} 0644`],
      [`${directory}/cert.pem`, `${owner}:${group} 0644`],
      [`${directory}/key.pem`, `${owner}:${group} ${keyMode(owner, group)}`],
    ]),
    ...plan.zones.map(({ name }) => [`/etc/firewalld/zones/${name}.xml`, "root:root 0644"]),
    ...plan.units
      .filter(({ content }) => content !== undefined)
      .map(({ name }) => [`/etc/systemd/system/${name}`, "root:root 0644"]),
  ];
  const support = plan.users.some(({ name }) => name === "signer");
  const known = profiles.map((name) => [`/etc/hashistack/signer/profiles.d/${name}.json`, "root:root 0600"]);
  return {
    ...Object.fromEntries(planned),
    ...everywhere,
    ...(support ? { ...onSupport, ...Object.fromEntries(known) } : {}),
  };
}

/** For a reviewer: a block for each machine, in the order of the paths. */
export function ownersText(byMachine: Readonly<Record<string, Owners>>): string {
  return Object.entries(byMachine)
    .map(([machine, owners]) => {
      const lines = Object.entries(owners)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([path, how]) => `  ${how.padEnd(26)} ${path}`);
      return [machine, ...lines, ""].join("\n");
    })
    .join("\n");
}
