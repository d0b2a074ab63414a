"""What a machine shows of itself besides its files: what its firewall does now, what changes a unit, whether a check holds.

Used by apply.py, to see what must be done and, for `check`, what would be.
"""

import re
import socket

from host import is_up, listed, run, unit_states

UNIT_FOLDERS = ("/etc/systemd/system", "/etc/systemd/system.control", "/run/systemd/system", "/run/systemd/system.control")

# What firewalld tells of a zone, and what each may hold beyond the plan: nothing.
ADDED = ("interfaces", "services", "forward-ports", "source-ports", "icmp-blocks", "rich rules")


def runtime_zones():
    """{zone: {field: [values]}} as the firewall has them now, whatever its files say."""
    zones, fields, field = {}, {}, None
    for line in run(["firewall-cmd", "--list-all-zones"], limit=30).splitlines():
        title = re.match(r"(\S+)( \(.*\))?$", line)
        if title:
            fields = zones[title[1]] = {}
        elif found := re.match(r"  ([a-z -]+): ?(.*)$", line):
            field = found[1]
            fields[field] = found[2].split()
        elif line.strip():  # rules stand below their field, one a line
            fields[field].append(line.strip())
    return zones


def firewall_differences(zones):
    """[(zone, what is wrong with it at run time)]."""
    wrong = []
    found = runtime_zones()
    for zone in zones:
        name, now = zone["name"], found.pop(zone["name"], None)
        if now is None:
            wrong.append((name, "it is not there at run time"))
            continue
        wanted = {
            "target": ["DROP"],
            "sources": zone["sources"],
            "ports": ["%s/%s" % (port["port"], port["protocol"]) for port in zone["ports"]],
            "protocols": ["icmp", "ipv6-icmp"],
        }
        for field, values in wanted.items():
            lacks = sorted(set(values) - set(now.get(field, [])))
            more = sorted(set(now.get(field, [])) - set(values))
            if lacks:
                wrong.append((name, "at run time its %s lack %s" % (field, " ".join(lacks))))
            # A machine that leaves is let in a while longer (leaving.py), at run time alone.
            if more and field != "target" and not (field == "sources" and zone.get("leaversLinger")):
                wrong.append((name, "at run time its %s have %s besides" % (field, " ".join(more))))
        for field in ADDED:
            if now.get(field):
                wrong.append((name, "at run time its %s are %s" % (field, " ".join(now[field]))))
    # A zone of somebody else's opens only what it is bound to.
    for name, now in sorted(found.items()):
        bound = [*now.get("interfaces", []), *now.get("sources", [])]
        if bound:
            wrong.append((name, "at run time it is bound to %s" % " ".join(bound)))
    tables = run(["nft", "list", "tables"], limit=30).splitlines()
    if "table inet firewalld" not in tables:
        wrong.append(("inet firewalld", "the kernel does not have firewalld's rules"))
    return wrong


def drop_ins(unit):
    """Files that change a unit besides its own."""
    folders = ["%s/%s.d" % (folder, unit) for folder in UNIT_FOLDERS]
    return ["%s/%s" % (folder, entry) for folder in folders for entry in listed(folder) if entry.endswith(".conf")]


def condition(state):
    """A unit's state in words."""
    if state.get("LoadState") == "not-found":
        return "it is missing"
    result = state.get("Result", "success")
    return "it is %s (%s)" % (state.get("ActiveState", "unknown"), result if result != "success" else state.get("SubState", ""))


def must_start(state, rewritten):
    if is_up(state):
        return False
    ran = state.get("ExecMainStartTimestampMonotonic", "0") not in ("", "0")
    # A oneshot that has done its work is not started again by every run.
    return not (state.get("Type") == "oneshot" and ran and state.get("Result") == "success" and not rewritten)


def why_not(check):
    """Why one of the plan's checks does not hold now, or None."""
    if check["kind"] == "tcp":
        where, port = check["target"].rsplit(":", 1)
        try:
            socket.create_connection((where.strip("[]"), int(port)), timeout=1).close()
            return None
        except OSError as error:
            return "%s: %s" % (check["target"], error.strerror or error)
    state = unit_states([check["target"]])[check["target"]]
    now, job = state.get("ActiveState", "unknown"), state.get("Job", "0") not in ("", "0")
    if state.get("Type") == "oneshot" and now == "inactive" and state.get("Result") == "success" and not job:
        return None if state.get("ExecMainStartTimestampMonotonic", "0") not in ("", "0") else "has not run"
    if now == "active" and not job:
        return None
    if now == "failed" and not job:
        return "failed (%s)" % state.get("Result", "no result")
    return "it is %s (%s)" % (now, state.get("SubState", ""))
