"""Looks for secrets where somebody other than their owner could read them.

input: {"secrets": [text], "paths": [file or folder whose owner and mode are asked for]}
Answers {"files": files with a secret that others may read, "arguments": processes with a secret in their arguments,
"environments": the same of their environment, "modes": {path: "owner:group mode"}}.
"""

import grp
import json
import os
import pwd
import stat
import sys

# Overlays of running tasks and the kernel's own trees are no files at rest; programs hold no secrets and are large.
LEFT_OUT = {"/proc", "/sys", "/dev", "/usr", "/opt/hashistack/bin", "/var/lib/dpkg", "/var/cache", "/var/lib/apt"}
given = bundle["input"]  # noqa: F821 - read by the one-line entry
secrets = [text.encode() for text in given["secrets"]]


def holds(data):
    return any(secret in data for secret in secrets)


def readable(folder):
    """Regular files that somebody else can come to and read."""
    for entry in os.scandir(folder):
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            if entry.path not in LEFT_OUT and mode & 0o001:
                yield from readable(entry.path)
        elif stat.S_ISREG(mode) and mode & 0o004 and found.st_size < 64 << 20:
            yield entry.path


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""


def processes(name):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) != os.getpid() and holds(content("/proc/%s/%s" % (pid, name))):
            found.append(content("/proc/%s/comm" % pid).decode().strip())
    return sorted(found)


def mode_of(path):
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return "missing"
    return "%s:%s %04o" % (
        pwd.getpwuid(found.st_uid).pw_name,
        grp.getgrgid(found.st_gid).gr_name,
        stat.S_IMODE(found.st_mode),
    )


json.dump(
    {
        "files": sorted(path for path in readable("/") if holds(content(path))),
        "arguments": processes("cmdline"),
        "environments": processes("environ"),
        "modes": {path: mode_of(path) for path in given["paths"]},
    },
    sys.stdout,
)
