#!/bin/sh
# What every machine of a cluster has, whatever it will be: files of sshd and the resolver, which units wait for their
# role, and the place where the daemons look for plugins of Nomad's bridge.
set -eu
: "${GIVEN:?the folder of what was uploaded}"
cd "$GIVEN/given/files"
find . -type f | while read -r file; do
  mkdir -p "$(dirname -- "/$file")"
  install -o root -g root -m 644 "$file" "/$file"
done
# Installed, and started by the role that needs them.
systemctl --quiet disable nginx.service firewalld.service
systemctl --quiet enable ssh.service systemd-resolved.service chrony.service
systemctl --quiet set-default multi-user.target
mkdir -p /opt/cni
ln -sfn /usr/lib/cni /opt/cni/bin
