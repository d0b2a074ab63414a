#!/bin/sh
# Becomes a program of the host's that belongs to a lab, so that it ends with it.
# usage: in-group.sh GROUP COMMAND...
set -eu
main() {
  echo $$ >"$1/cgroup.procs"
  shift
  exec "$@"
}
main "$@"
