#!/bin/sh
# Runs a command for which another file stands in the place of /etc/resolv.conf. Runs in a mount namespace of its own.
# usage: with-names.sh RESOLV_CONF COMMAND...
set -eu
main() {
  mount --bind "$1" /etc/resolv.conf
  shift
  exec "$@"
}
main "$@"
