"""First contact: gives the machine its own host key, over a connection that its throw-away key verified.

The two keys are of different kinds, so sshd offers both until apply.py, which comes over the machine's own, takes the
throw-away one away: a run that was cut here can be repeated.
input: {"hostKey": ed25519 private key (OpenSSH), "cloudInitSeconds": n}.
"""

import json
import os
import re
import shutil
import time

import host
from host import Failure, listed, me, read_file, run, write_file

OWN = "/etc/ssh/ssh_host_ed25519_key"
HOST_KEYS = "/etc/ssh/sshd_config.d/05-hashistack-host-key.conf"


def install(private_key):
    changed = write_file(OWN, private_key.rstrip("\n") + "\n", *me(), 0o600)
    public = run(["ssh-keygen", "-y", "-f", host.at(OWN)]).strip()
    if not public.startswith("ssh-ed25519 "):
        raise Failure("the machine's own host key must be of another kind than the throw-away one: ed25519")
    changed |= write_file(OWN + ".pub", public + "\n", *me(), 0o644)
    others = ["/etc/ssh/" + name for name in listed("/etc/ssh") if re.fullmatch(r"ssh_host_\w+_key", name)]
    lines = ["HostKey " + path for path in [OWN, *(other for other in others if other != OWN)]]
    changed |= write_file(HOST_KEYS, "\n".join(lines) + "\n", *me(), 0o644)
    return changed, public


def offered():
    """The ed25519 host key that sshd shows to whoever comes now."""
    answer = run(["ssh-keyscan", "-T", "2", "-t", "ed25519", "127.0.0.1"], limit=15, accept=(0, 1))
    return [" ".join(line.split()[1:3]) for line in answer.splitlines() if not line.startswith("#")]


def serve(public, limit=30):
    wanted = " ".join(public.split()[:2])
    if offered() == [wanted]:
        return
    run(["sshd", "-t"])
    # Running sessions go on; only the listener begins anew.
    run(["systemctl", "reload-or-restart", "ssh.service"])
    until = time.monotonic() + limit
    while offered() != [wanted]:
        if time.monotonic() > until:
            raise Failure("sshd does not show its new host key within %d s" % limit, host.journal("ssh.service"))
        time.sleep(0.05)


def cloud_init(limit):
    """Waits until cloud-init, where it is at work, has ended; what it could not do is for the record."""
    if not os.path.exists(host.at("/run/cloud-init/enabled")):
        return []
    until = time.monotonic() + limit
    while (result := read_file("/run/cloud-init/result.json")) is None:
        if time.monotonic() > until:
            raise Failure("cloud-init has not ended within %d s" % limit, host.journal("cloud-final.service"))
        time.sleep(0.1)
    return json.loads(result)["v1"]["errors"]


# Follows connections and decides nothing.
TRACKING = """
table inet hashistack_tracking {
  chain input {
    type filter hook input priority filter; policy accept;
    ct state established,related accept
  }
}
"""


def track_connections():
    """Lets the kernel know every connection from now on, before there is a firewall.

    The first apply starts firewalld; a connection that was not followed before is a stranger to it, and what passes
    through the jump host to a machine that enrols at that moment would be dropped until TCP tries again.
    """
    if shutil.which("nft"):
        run(["nft", "-f", "-"], stdin="add table inet hashistack_tracking\ndelete table inet hashistack_tracking\n" + TRACKING)


def create(input):
    track_connections()
    # cloud-init writes host keys of its own, so it comes first.
    errors = cloud_init(input["cloudInitSeconds"])
    changed, public = install(input["hostKey"])
    serve(public)
    return {"changed": changed, "cloudInitErrors": errors}
