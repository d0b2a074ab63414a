#!/bin/sh
# Runs the browser of the tree $HASHISTACK_BROWSER as nobody, in the network namespace in which it is called. What it mounts
# and writes is seen by nobody else and gone with it.
set -eu
root=$HASHISTACK_BROWSER
if [ "${HASHISTACK_BROWSER_ALONE:-}" != yes ]; then
  HASHISTACK_BROWSER_ALONE=yes exec unshare --mount --propagation private -- "$0" "$@"
fi
mkdir -p "$root/dev" "$root/proc" "$root/tmp"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
exec env -i HOME=/tmp PATH="$PATH" chroot --userspec=65534:65534 "$root" /usr/lib/chromium/chromium-headless-shell "$@"
