#!/usr/bin/env -S python3 -IS
"""Stands in for a machine's own commands, under each of their names.

$FAKE/calls.log holds what was called; $FAKE/units.json the units; $FAKE/answers/<command> what a command prints, or
$FAKE/answers/<command and arguments> what it prints with these; $FAKE/fails/<command> that it fails, with these words.
"""

import json
import os
import sys

FAKE = os.environ["FAKE"]
ROOT = os.environ["FAKE_ROOT"]
name, args = os.path.basename(sys.argv[0]), sys.argv[1:]


def read(path, default=""):
    try:
        with open(os.path.join(FAKE, path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return default


def systemctl():
    units = json.loads(read("units.json", "{}"))
    verb, names = args[0], [arg for arg in args[1:] if not arg.startswith("-")]
    for unit in names:
        here = os.path.exists(ROOT + "/etc/systemd/system/" + unit)
        if here and unit not in units:
            units[unit] = {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}
        elif not here and unit not in units and verb == "show":
            units[unit] = {"LoadState": "not-found", "ActiveState": "inactive", "UnitFileState": ""}
        state = units.setdefault(unit, {})
        count = int(state.get("InvocationID") or 0)
        if verb == "enable":
            state["UnitFileState"] = "enabled"
        if verb == "unmask":
            state["UnitFileState"] = "disabled"
        if verb == "disable":
            state["UnitFileState"] = "disabled"
        if verb in ("start", "restart"):
            state.update(ActiveState="active", SubState="running", InvocationID=str(count + 1))
        if verb == "disable" and "--now" in args:
            state.update(ActiveState="inactive")
    if verb == "show":
        print("\n\n".join("\n".join("%s=%s" % pair for pair in units[unit].items()) for unit in names))
    with open(os.path.join(FAKE, "units.json"), "w", encoding="utf-8") as file:
        json.dump({unit: state for unit, state in units.items() if state.get("LoadState") != "not-found"}, file)


if name != "systemctl" or args[0] != "show":
    with open(os.path.join(FAKE, "calls.log"), "a", encoding="utf-8") as log:
        log.write(" ".join([name, *args]) + "\n")
words = read("fails/" + name, None)
if words is not None:
    sys.stderr.write(words)
    sys.exit(1)
if name == "systemctl":
    systemctl()
elif name == "hostname" and args:
    os.makedirs(os.path.join(FAKE, "answers"), exist_ok=True)
    with open(os.path.join(FAKE, "answers/hostname"), "w", encoding="utf-8") as file:
        file.write(args[0] + "\n")
else:
    line = " ".join([name, *args])
    said = read("answers/" + line, None) if "/" not in line else None
    sys.stdout.write(read("answers/" + name) if said is None else said)
