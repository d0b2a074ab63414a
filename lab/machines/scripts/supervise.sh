#!/bin/sh
# Keeps one machine: mounts its disk in a mount namespace of its own, boots it, boots it again when it asked for a
# reboot (status 133), and ends when it halted. It lives on when its caller is gone.
# usage: supervise.sh DIR HOST_GROUP OVERLAY_OPTIONS COMMAND...
#   DIR/groups      control groups of the machine, one a line
#   DIR/root        where the disk is mounted
#   DIR/exit.status written at the end
set -u
main() {
  if [ "$1" != --mounted ]; then
    echo $$ >"$2/cgroup.procs" || exit 1
    exec unshare --mount --propagation private "$0" --mounted "$@"
  fi
  shift
  dir=$1 options=$3
  shift 3
  mount -t overlay overlay -o "$options" "$dir/root" || exit 1
  # A clean halt is asked of the machine by whoever stops this script.
  trap 'kill -TERM "$child" 2>/dev/null' TERM
  while :; do
    join "$dir/groups" "$@" &
    child=$!
    wait "$child"
    status=$?
    # A signal ends the wait, not the machine.
    while kill -0 "$child" 2>/dev/null; do
      wait "$child"
      status=$?
    done
    [ "$status" = 133 ] || break
  done
  echo "$status" >"$dir/exit.status"
}

# Becomes the command, inside the machine's control groups. Runs in a subshell, whose own number $$ does not tell.
join() {
  groups=$1
  shift
  exec sh -c 'while read -r group; do echo $$ >"$group/cgroup.procs" || exit 1; done <"$1"; shift; exec "$@"' join "$groups" "$@"
}
main "$@"
