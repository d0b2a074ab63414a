"""Sends names that are none of the cluster's to the cloud's own name servers, whoever wrote /etc/resolv.conf.

Names of .consul go to the machine's own agent by systemd-resolved, so that file must be resolved's. Some clouds write it
themselves, at every boot (Linode's Network Helper): then the servers in it are kept, and become those of the interface
that leads to them. Where the file is resolved's already, and nothing was kept, nothing is done.
"""

import contextlib
import ipaddress
import json
import os
import sys

from host import Failure, at, me, read_file, run, write_file

RESOLV = "/etc/resolv.conf"
STUB = "/run/systemd/resolve/stub-resolv.conf"
KEPT = "/etc/hashistack/name-servers"


def named(text):
    """The servers in a resolv.conf; who listens on loopback is none of the cloud's."""
    found = []
    for words in (line.split() for line in text.splitlines()):
        with contextlib.suppress(ValueError):
            if words[:1] == ["nameserver"] and not ipaddress.ip_address("".join(words[1:2])).is_loopback:
                found.append(words[1])
    return found


def is_resolved():
    return os.path.islink(at(RESOLV)) and "systemd/resolve/" in os.readlink(at(RESOLV))


def take_over():
    servers = named(read_file(RESOLV) or "")
    if servers:
        write_file(KEPT, "\n".join(servers) + "\n", *me(), 0o644)
    staged = at(RESOLV) + ".hashistack"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(staged)
    os.symlink(STUB, staged)
    os.replace(staged, at(RESOLV))


def way_out(servers):
    """The interface by which the first of them is reached that is reached at all."""
    for server in servers:
        # Status 2: there is no way to it.
        routes = json.loads(run(["ip", "-j", "route", "get", server], accept=(0, 2)) or "[]")
        if routes:
            return routes[0]["dev"]
    raise Failure("no interface leads out, so no name server can be asked")


def main():
    if not is_resolved():
        take_over()
    servers = (read_file(KEPT) or "").split()
    if servers:
        out = way_out(servers)
        run(["resolvectl", "dns", out, *servers])
        # Every name but those that resolved has a better place for.
        run(["resolvectl", "domain", out, "~."])


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit("%s\n%s" % (failure, failure.log))
