#!/bin/sh
# mmdebstrap calls this before it starts and when the packages are in: what it downloads goes straight into the cache,
# so that a build that was cut does not download again. The mount lies in the build's own mount namespace.
set -eu
archives=$1/var/cache/apt/archives
case $MMDEBSTRAP_HOOK in
  setup)
    mkdir -p "$archives" "$HASHISTACK_DEBS/partial"
    mount --bind "$HASHISTACK_DEBS" "$archives"
    ;;
  customize) umount "$archives" ;;
esac
