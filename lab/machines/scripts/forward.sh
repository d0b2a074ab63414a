#!/bin/sh
# Listens on the host's loopback; the first connection turns this process into a proxy inside another network
# namespace, from where each connection goes on to the target. The listener keeps its place on the host's loopback.
# usage: forward.sh PID_FILE HOST_GROUP LISTEN NAMESPACE_PATH TARGET
set -eu
main() {
  echo $$ >"$2/cgroup.procs"
  echo $$ >"$1"
  # Each connection takes six descriptors.
  # shellcheck disable=SC3045 # dash and bash both know it
  ulimit -S -n "$(ulimit -H -n)"
  exec systemd-socket-activate --listen="$3" \
    nsenter --net="$4" /lib/systemd/systemd-socket-proxyd --connections-max=4096 "$5"
}
main "$@"
