#!/bin/sh
# Debian's packages, up to date: those of every machine of a cluster. None of their daemons starts here: which do, and
# behind which firewall, says a machine's plan.
set -eu
: "${GIVEN:?the folder of what was uploaded}"
policy=/usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

# The first boot installs things, too, and holds apt's lock.
if command -v cloud-init >/dev/null; then timeout 300 cloud-init status --wait >/dev/null || true; fi

if [ -e "$policy" ]; then
  echo "packages.sh: $policy is there already, so this machine is not a fresh one" >&2
  exit 1
fi
trap 'rm -f "$policy"' EXIT
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

set -- apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Acquire::Languages=none \
  -o Dpkg::Options::=--force-confold -o "Acquire::http::Proxy=${APT_PROXY:-}" --no-install-recommends
"$@" update
"$@" --with-new-pkgs upgrade
# All at once: with systemd-resolved in, this machine may know no names any more.
xargs -a "$GIVEN/given/packages" "$@" install
