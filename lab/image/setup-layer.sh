#!/bin/sh
# Makes a plain Debian root into a machine of the lab: the files of files/, which units start, which never do.
# Runs in a mount namespace of its own; what it changes becomes a layer.
# usage: setup-layer.sh LOWER UPPER WORK MERGED
set -eu
main() {
  lower=$1 upper=$2 work=$3 merged=$4
  image=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$merged"
  copy_files "$image/files" "$merged"

  # Whose identity these are is each machine's own affair.
  rm -f "$merged"/etc/ssh/ssh_host_* "$merged"/var/lib/dbus/machine-id "$merged"/etc/hostname
  : >"$merged/etc/machine-id"

  # Units start by the preset file alone, whatever the packages enabled.
  find "$merged/etc/systemd/system" -type l -delete
  systemctl --root="$merged" --quiet preset-all
  systemctl --root="$merged" --quiet set-default multi-user.target
  sed 's/#.*//' "$image/masked-units.txt" | while read -r unit; do
    [ -z "$unit" ] || ln -sf /dev/null "$merged/etc/systemd/system/$unit"
  done
  ln -sf /run/systemd/resolve/stub-resolv.conf "$merged/etc/resolv.conf"
  # Consul and Nomad look for the bridge plugins here.
  mkdir -p "$merged/opt/cni"
  ln -sfn /usr/lib/cni "$merged/opt/cni/bin"

  # Built with the image once, not at each machine's first boot.
  touch "$merged/etc/.updated" "$merged/var/.updated"
  umount "$merged"
}

# A checkout's modes depend on its owner's umask; the image's do not.
copy_files() {
  find "$1" -mindepth 1 -type f | while read -r file; do
    target=$2${file#"$1"}
    mode=644
    [ ! -x "$file" ] || mode=755
    mkdir -p "$(dirname -- "$target")"
    install -m "$mode" -o root -g root "$file" "$target"
  done
}
main "$@"
