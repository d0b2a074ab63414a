#!/bin/sh
# Nothing of the one machine that was the image's first: identity, logins, traces. The last of all: no new connection is
# taken afterwards, for sshd has no host key.
set -eu
: "${GIVEN:?the folder of what was uploaded}"

# Whose identity these are is each machine's own affair. An empty machine-id is filled at the next boot.
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /etc/hostname
: >/etc/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret

# cloud-init meets its next machine for the first time; what it wrote for this one goes.
cloud-init clean --logs
rm -rf /var/lib/cloud /etc/sudoers.d/90-cloud-init-users /etc/netplan/50-cloud-init.yaml \
  /etc/network/interfaces.d/50-cloud-init /etc/systemd/network/10-cloud-init*.network
rm -rf /var/lib/dhcp/* /var/lib/systemd/network/* /var/lib/NetworkManager/*.lease

# Nobody logs in as root, and no key of the build's opens anything.
usermod --password '!*' root
rm -rf /root/.ssh /home/*/.ssh
find /root /home -xdev -maxdepth 2 \( -name '.*_history' -o -name .lesshst -o -name .wget-hsts \) -delete

apt-get -q clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
find /var/log -xdev -type f -delete
rm -rf /var/log/journal/* "$GIVEN"
find /tmp /var/tmp -xdev -mindepth 1 -delete 2>/dev/null || true
sync
