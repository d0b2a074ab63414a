"""Debian packages of a machine, without the daemons' own idea of when to start."""

import os

from host import at, me, read_file, remove_file, run, write_file

POLICY = "/usr/sbin/policy-rc.d"
NO_STARTS = "#!/bin/sh\n# hashistack: daemons of new packages start when the plan says so, behind the firewall.\nexit 101\n"


def missing(wanted):
    if read_file(POLICY) == NO_STARTS:  # left by a run that was cut
        remove_file(POLICY)
    if not wanted:
        return []
    known = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"])
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    return [name for name in wanted if name not in installed]


def install(names):
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    own_policy = not os.path.lexists(at(POLICY))
    if own_policy:
        write_file(POLICY, NO_STARTS, *me(), 0o755)
    try:
        run([*apt, "update"], limit=180, env=quiet)
        run([*apt, "--no-install-recommends", "install", *names], limit=600, env=quiet)
    finally:
        if own_policy:
            remove_file(POLICY)
