"""Looks for secrets where somebody other than their owner could read them, and at who owns what.

input: {"secrets": {what: text}, "paths": [file or folder whose owner and mode are asked for], "ours": [folder whose every
file should be among the paths], "gone": [text that must lie nowhere]}
Answers {"files": files with a secret that others may read, "arguments": processes with a secret in their arguments,
"environments": the same of their environment, "journal": what of the secrets is in the journal, "journalBytes": its size,
"modes": {path: "owner:group mode"}, "strays": files in our folders that are not among the paths, "left": files with what
should be gone}.
"""

import grp
import json
import os
import pwd
import stat
import subprocess
import sys

# Overlays of running tasks and the kernel's own trees are no files at rest; programs hold no secrets and are large.
LEFT_OUT = {"/proc", "/sys", "/dev", "/usr", "/opt/hashistack/bin", "/var/lib/dpkg", "/var/cache", "/var/lib/apt"}
given = bundle["input"]  # noqa: F821 - read by the one-line entry
secrets = {what: text.encode() for what, text in given["secrets"].items()}
gone = [text.encode() for text in given["gone"]]


def holds(data):
    return any(secret in data for secret in secrets.values())


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


def kept(folder):
    """Every file there, but what is deeper than somebody would put a key: tasks' files, databases."""
    for place, folders, files in os.walk(folder):
        if place.count("/") > 5:
            folders.clear()
        for name in files:
            path = os.path.join(place, name)
            if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path) < 1 << 20:
                yield path


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


journal = subprocess.run(["journalctl", "--quiet", "--no-pager", "--output=cat"], stdout=subprocess.PIPE, check=True).stdout
planned = set(given["paths"])
json.dump(
    {
        "files": sorted(path for path in readable("/") if holds(content(path))),
        "arguments": processes("cmdline"),
        "environments": processes("environ"),
        "journal": sorted(what for what, secret in secrets.items() if secret in journal),
        "journalBytes": len(journal),
        "modes": {path: mode_of(path) for path in given["paths"]},
        "strays": sorted(path for folder in given["ours"] for path in kept(folder) if path not in planned),
        "left": sorted(
            path
            for folder in ("/etc", "/home", "/root", "/run", "/var/lib", "/var/tmp", "/tmp")
            for path in kept(folder)
            if any(text in content(path) for text in gone)
        ),
    },
    sys.stdout,
)
