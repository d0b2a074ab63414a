"""Goes on with a program after the SSH session that began it: as a transient unit of systemd.

The unit runs a function of the same program, from the same bundle. Its input goes through a file in /run that only root
reads and that is gone when the unit has read it.
"""

import __main__
import fcntl
import json
import os
import subprocess
from hashistack import Failure

FOLDER = "/run/hashistack"
ENTRY = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['loader'])"


def start(unit, verb, given, seconds):
    """Starts `unit`, unless it runs already: `verb(given)` of this bundle's program, within `seconds`."""
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    # A run that was cut goes on here, beside the one that takes it up: both come to this at the same moment.
    with open(os.path.join(FOLDER, unit + ".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not running(unit):
            _start(unit, verb, given, seconds)


def _start(unit, verb, given, seconds):
    path = os.path.join(FOLDER, unit + ".json")
    bundle = dict(__main__.bundle, input=given, timeoutSeconds=seconds)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(bundle, file)
    os.rename(path + ".new", path)
    done = subprocess.run(
        [
            "systemd-run",
            "--quiet",
            "--collect",
            "--unit=" + unit,
            "--property=StandardInput=file:" + path,
            "--property=UMask=0077",
            "--property=ExecStartPost=/usr/bin/rm -f " + path,
            "/usr/bin/python3",
            "-I",
            "-c",
            ENTRY,
            verb,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 and not running(unit):
        try:
            os.unlink(path)
        except FileNotFoundError:
            # It began, and ended before systemd had told so. Who waits for what it does looks at that, and at its journal.
            return
        raise Failure("systemd did not start %s" % unit, done.stderr)


def running(unit):
    state = subprocess.run(
        ["systemctl", "is-active", unit], stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stdout.strip()
    return state in ("active", "activating", "deactivating")


def journal(unit, lines=30):
    """The unit's last lines, for an error."""
    return subprocess.run(
        ["journalctl", "--no-pager", "--output=cat", "--unit=" + unit, "--lines=%d" % lines],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    ).stdout
