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
  # nspawn's own notes, by the machine's name alone: other labs have machines of the same name.
  mkdir -p /run/systemd/nspawn
  mount -t tmpfs -o mode=755,size=1m tmpfs /run/systemd/nspawn || exit 1
  mount -t overlay overlay -o "$options" "$dir/root" || exit 1
  # A clean halt is asked of the machine by whoever stops this script.
  trap 'kill -TERM "$child" 2>/dev/null' TERM
  while :; do
    clear_groups "$dir/groups"
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

# In a v2 tree nspawn divides the machine's group and hands controllers on; a group that does takes no process. So what
# the last boot left is put back first.
clear_groups() {
  while read -r group; do
    controllers=
    [ ! -e "$group/cgroup.subtree_control" ] || read -r controllers <"$group/cgroup.subtree_control"
    [ -n "$controllers" ] || continue
    find "$group" -mindepth 1 -depth -type d -exec rmdir {} \;
    for controller in $controllers; do
      echo "-$controller" >"$group/cgroup.subtree_control"
    done
  done <"$1"
}

# Becomes the command, inside the machine's control groups. Runs in a subshell, whose own number $$ does not tell.
join() {
  groups=$1
  shift
  exec sh -c 'while read -r group; do echo $$ >"$group/cgroup.procs" || exit 1; done <"$1"; shift; exec "$@"' join "$groups" "$@"
}
main "$@"
