#!/bin/bash
# A machine's first contact, where Linode cannot tell it of itself by metadata: one user with sudo and keys, and a throw-away
# host key. What the same machine would be told by cloud-init, see ../user-data.ts.
#
# Linode runs it as root at the first boot, with the answers to these in its environment, by their names in upper case:
# <UDF name="hs_user" label="The one user that logs in" />
# <UDF name="hs_keys" label="Its public keys, base64" />
# <UDF name="hs_host_key" label="The throw-away host key, base64" />
set -euo pipefail
umask 077

: "${HS_USER:=${hs_user:?}}" "${HS_KEYS:=${hs_keys:?}}" "${HS_HOST_KEY:=${hs_host_key:?}}"

id -- "$HS_USER" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash -- "$HS_USER"
home=$(getent passwd -- "$HS_USER" | cut -d: -f6)
install -d -m 0700 -o "$HS_USER" -g "$HS_USER" -- "$home/.ssh"
base64 -d <<<"$HS_KEYS" >"$home/.ssh/authorized_keys"
chown -- "$HS_USER:$HS_USER" "$home/.ssh/authorized_keys"
printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$HS_USER" >/etc/sudoers.d/90-first-contact
chmod 0440 /etc/sudoers.d/90-first-contact

# The image's own, if any, are those of every machine made of it.
rm -f /etc/ssh/ssh_host_*
base64 -d <<<"$HS_HOST_KEY" >/etc/ssh/ssh_host_ecdsa_key
ssh-keygen -y -f /etc/ssh/ssh_host_ecdsa_key >/etc/ssh/ssh_host_ecdsa_key.pub
chmod 0644 /etc/ssh/ssh_host_ecdsa_key.pub
mkdir -p /etc/ssh/sshd_config.d
printf 'PasswordAuthentication no\nPermitRootLogin no\n' >/etc/ssh/sshd_config.d/00-first-contact.conf
chmod 0644 /etc/ssh/sshd_config.d/00-first-contact.conf
# Without host keys it has been tried, too often for systemd to try again.
systemctl reset-failed ssh.service 2>/dev/null || true
systemctl restart ssh.service
