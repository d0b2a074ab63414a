"""The signer's policies, made of the machines' profiles: one file for each service.

Installed on support, where the signer's unit runs it before each start; signer_register.py uses it too.
profiles.d/<machine>.json: {service: {"authKey": hex, "nameWhitelist": pattern, "expiryHours": n}}.
"""

import json
import sys

import host
from host import Failure, listed, read_file, write_file

FOLDER = "/etc/hashistack/signer"
PROFILES = FOLDER + "/profiles.d"
POLICIES = FOLDER + "/policies"
GROUP = "signer"
USAGES = ["digital signature", "server auth", "client auth"]


def services():
    return [name[: -len(".pem")] for name in listed(FOLDER) if name.endswith(".pem")]


def policy(service, machines):
    """multirootca's policy. Who names no profile gets the default, which has no key and so signs for nobody."""
    own = {machine: asked[service] for machine, asked in sorted(machines.items()) if service in asked}
    return {
        "auth_keys": {machine: {"type": "standard", "key": asked["authKey"]} for machine, asked in own.items()},
        "signing": {
            "default": {"expiry": "1h", "usages": ["digital signature"]},
            "profiles": {
                machine: {
                    "auth_key": machine,
                    "expiry": "%dh" % asked["expiryHours"],
                    "backdate": "5m",
                    "usages": USAGES,
                    "name_whitelist": asked["nameWhitelist"],
                }
                for machine, asked in own.items()
            },
        },
    }


def rendered():
    """{path: text} of all policies, from the profiles as they are now."""
    machines = {
        name[: -len(".json")]: json.loads(read_file("%s/%s" % (PROFILES, name)))
        for name in listed(PROFILES)
        if name.endswith(".json")
    }
    return {
        "%s/%s.json" % (POLICIES, service): json.dumps(policy(service, machines), indent=1) + "\n" for service in services()
    }


def write():
    owner = host.me()[0]
    for path, text in rendered().items():
        write_file(path, text, owner, GROUP, 0o640)


if __name__ == "__main__":
    try:
        write()
    except Failure as failure:
        sys.exit("the signer's policies: %s" % failure)
