"""About the certificates of the machine on which it runs, as its root.

`served PORT=FOLDER …`: JSON, for each port the SHA-256 of the certificate in the folder and of the one that is shown there.
`soon`: the timer of the renewal comes now, and takes every certificate for one that is near its end. `usual`: no more.
"""

import hashlib
import json
import os
import ssl
import subprocess
import sys

UNITS = "/run/systemd/system"
DROP_INS = {
    "hashistack-leaf.service": "[Service]\nExecStart=\n"
    "ExecStart=/usr/bin/python3 -E -s -B /usr/local/lib/hashistack/leaf.py renew --within 3650\n",
    "hashistack-leaf.timer": "[Timer]\nOnCalendar=\nRandomizedDelaySec=0\nOnActiveSec=1\nAccuracySec=1us\n",
}


def digest(pem):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def served(words):
    found = {}
    for port, folder in (word.split("=") for word in words):
        with open(folder + "/cert.pem", encoding="ascii") as file:
            own = file.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        found[port] = {"own": digest(own), "shown": digest(ssl.get_server_certificate(("127.0.0.1", int(port)), timeout=5))}
    return found


def reload_timer():
    for argv in (["daemon-reload"], ["restart", "hashistack-leaf.timer"]):
        subprocess.run(["systemctl", *argv], check=True)


def drop_in(unit):
    return "%s/%s.d/drill.conf" % (UNITS, unit)


def soon():
    for unit, text in DROP_INS.items():
        os.makedirs(os.path.dirname(drop_in(unit)), exist_ok=True)
        with open(drop_in(unit), "w", encoding="ascii") as file:
            file.write(text)
    reload_timer()


def usual():
    for unit in DROP_INS:
        os.remove(drop_in(unit))
    reload_timer()


verb, *rest = sys.argv[1:]
print(json.dumps({"served": served, "soon": lambda _: soon(), "usual": lambda _: usual()}[verb](rest)))
