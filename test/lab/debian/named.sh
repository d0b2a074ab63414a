#!/bin/sh
# Runs BIND of the tree $1 as nobody on the configuration named.conf of the folder $2, which is /mnt to it. What is mounted is
# seen by nobody else and gone with it.
set -eu
if [ "${3:-}" != alone ]; then exec unshare --mount --propagation private -- "$0" "$1" "$2" alone; fi
mkdir -p "$1/dev" "$1/mnt"
mount --rbind /dev "$1/dev"
mount --bind "$2" "$1/mnt"
exec env -i PATH="$PATH" chroot --userspec=65534:65534 "$1" /usr/sbin/named -g -c /mnt/named.conf
