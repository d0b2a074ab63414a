"""Makes Nomad on this machine not start, or takes that back. input: {"broken": bool}"""

import json
import os
import subprocess
import sys

given = bundle["input"]  # noqa: F821 - read by the one-line entry
folder = "/etc/systemd/system/nomad.service.d"
override = """[Service]
ExecStart=
ExecStart=/bin/sh -c 'echo nomad is broken by a test; exit 1'
"""
os.makedirs(folder, exist_ok=True)
path = folder + "/broken.conf"
if given["broken"]:
    with open(path, "w", encoding="ascii") as file:
        file.write(override)
else:
    os.unlink(path)
    os.rmdir(folder)
subprocess.run(["systemctl", "daemon-reload"], check=True)
subprocess.run(["systemctl", "restart", "--no-block", "nomad.service"], check=True)
json.dump({}, sys.stdout)
