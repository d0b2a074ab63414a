#!/bin/sh
# What a machine of this image must find, looked at before it becomes one.
set -eu
: "${GIVEN:?the folder of what was uploaded}"
lacks() {
  echo "check.sh: the image would lack $1" >&2
  exit 1
}
while read -r name; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || lacks "the package $name"
done <"$GIVEN/given/packages"
while read -r sum name version; do
  [ "$(cat "/opt/hashistack/bin/$name-$version.sha256")" = "$sum" ] || lacks "$name $version"
  [ -x "$(readlink -e "/usr/local/bin/$name")" ] || lacks "a link to $name"
done <"$GIVEN/given/programs"
for unit in cloud-init.service ssh.service systemd-resolved.service; do
  systemctl --quiet is-enabled "$unit" || lacks "$unit, enabled"
done
for unit in nginx.service firewalld.service; do
  ! systemctl --quiet is-enabled "$unit" || lacks "a $unit that waits for its role"
done
[ ! -e /etc/cloud/cloud-init.disabled ] || lacks "a cloud-init that runs"
sshd -t || lacks "settings that sshd takes"
# The programs that a machine is set up by hash files with it.
python3 -c 'import hashlib; hashlib.file_digest' || lacks "Python 3.11 or newer"
