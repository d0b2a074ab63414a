"""Tells support's signer what a machine may ask for; runs on support.

input: {"machine": profile's name, "port": the signer's on loopback, "profiles": [{"label": service, "authKey": hex, "nameWhitelist":
anchored pattern, "expiryHours": n}]}. Many run at the same time when a cluster is made: who finds its profile in what the
running signer has loaded does not restart it again.
"""

import json
import re
import socket
import time

import host
import signer_policies
from host import Failure, me, read_file, remove_file, run, unit_states, write_file

UNIT = "hashistack-signer.service"


def checked(profile, services):
    label = profile["label"]
    if label not in services:
        raise Failure("the signer has no authority for %s, only for %s" % (label, ", ".join(services) or "none"))
    pattern = profile["nameWhitelist"]
    if not re.fullmatch(r"\^\([^()]+\)\$", pattern):
        raise Failure("the names for %s are not anchored as ^(…)$: %s" % (label, pattern))
    if not re.fullmatch(r"[0-9a-f]{64,}", profile["authKey"]):
        raise Failure("the key for %s is not 32 bytes in hex" % label)
    if not 1 <= profile["expiryHours"] <= 8784:
        raise Failure("leaves of %s may live 1 to 8784 hours, not %s" % (label, profile["expiryHours"]))
    return label, {key: profile[key] for key in ("authKey", "nameWhitelist", "expiryHours")}


def profile_file(machine):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", machine):
        raise Failure("%r is no name for a profile" % machine)
    return "%s/%s.json" % (signer_policies.PROFILES, machine)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def load(port, limit=30):
    """Makes the signer run with the profiles as they lie there. Answers whether it had to be restarted."""
    with host.lock("signer", 120):
        loaded = all(read_file(path) == text for path, text in signer_policies.rendered().items())
        if loaded and unit_states([UNIT])[UNIT].get("ActiveState") == "active" and listens(port):
            return False
        run(["systemctl", "restart", UNIT], limit=60)  # writes the policies before it starts
        until = time.monotonic() + limit
        while not listens(port):
            if time.monotonic() > until:
                raise Failure("the signer does not listen on %d within %d s" % (port, limit), host.journal(UNIT))
            time.sleep(0.02)
        return True


def rendered(asked):
    return json.dumps(asked, indent=1, sort_keys=True) + "\n"


def create(input):
    services = signer_policies.services()
    asked = dict(checked(profile, services) for profile in input["profiles"])
    path = profile_file(input["machine"])
    changed = write_file(path, rendered(asked), *me(), 0o600)
    return {"changed": changed, "restarted": load(input["port"])}


def check(input):
    """What create would change, in the words of apply.py's check."""
    asked = dict(checked(profile, [profile["label"]]) for profile in input["profiles"])
    host.looking = True
    wrong = host.put_file(profile_file(input["machine"]), rendered(asked), *me(), 0o600)
    what = "signing profile of " + input["machine"]
    drift = [{"phase": "signing profiles", "what": what, "why": wrong, "heals": True}] if wrong else []
    return {"drift": drift, "pending": []}


def repair(input):
    done = create(input)
    return {"changed": ["signing profile of " + input["machine"]] if done["changed"] else [], "pending": []}


def delete(input):
    changed = remove_file(profile_file(input["machine"]))
    return {"changed": changed, "restarted": load(input["port"])}
