"""What a machine shows of itself besides its files: what its firewall does now, what changes a unit, whether a check holds.

Used by apply.py, to see what must be done and, for `check`, what would be.
"""

import ipaddress
import re
import socket

from host import at, is_up, listed, read_file, run, unit_states

UNIT_FOLDERS = ("/etc/systemd/system", "/etc/systemd/system.control", "/run/systemd/system", "/run/systemd/system.control")

ICMP = {"meta l4proto icmp accept", "meta l4proto ipv6-icmp accept"}

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
    return wrong or kernel_differences(zones)


def kernel_rules():
    """{chain: [rules]} of firewalld's table as the kernel has it; somebody may have been there past firewalld."""
    chains, name = {}, None
    for line in run(["nft", "list", "table", "inet", "firewalld"], limit=30, accept=(0, 1)).splitlines():
        found = re.match(r"\s*chain (\S+) {", line)
        if found:
            name = found[1]
            chains[name] = []
        elif name and line.strip() not in ("", "}"):
            chains[name].append(line.strip())
    return chains


def kernel_differences(zones):
    """[(zone, what the kernel does not do)] of zones that firewalld itself believes to be right."""
    chains = kernel_rules()
    dispatch = chains.get("filter_INPUT_ZONES", [])
    if "jump filter_INPUT_ZONES" not in chains.get("filter_INPUT", []) or "goto filter_IN_drop" not in dispatch:
        return [("drop", "the kernel lets in what no zone names: firewalld's rules are not there")]
    wrong = []
    for zone in zones:
        name = zone["name"]
        goes = {rule.split()[2] for rule in dispatch if rule.endswith(" goto filter_IN_" + name)}
        lacks = sorted(source for source in zone["sources"] if address(source) not in goes)
        if lacks:
            wrong.append((name, "the kernel does not take %s for it" % " ".join(lacks)))
        if chains.get("filter_IN_" + name, [])[-1:] != ["drop"]:
            wrong.append((name, "the kernel does not drop what it does not name"))
        opened = {found for rule in chains.get("filter_IN_%s_allow" % name, []) if (found := opens(rule))}
        planned = {"%s %s" % (port["protocol"], port["port"]) for port in zone["ports"]}
        for words, some in (("does not let in", planned - opened), ("also lets in", opened - planned - ICMP)):
            if some:
                wrong.append((name, "the kernel %s %s" % (words, ", ".join(sorted(some)))))
    return wrong


def opens(rule):
    """What a rule accepts. Example: "tcp 22"; the rule's own words where it is none of firewalld's for a port."""
    port = re.fullmatch(r"(tcp|udp) dport (\S+) (.* )?accept", rule)
    return "%s %s" % (port[1], port[2]) if port else rule if rule.endswith("accept") else None


def address(source):
    """A source as nft prints it."""
    network = ipaddress.ip_network(source, strict=False)
    return str(network.network_address if network.num_addresses == 1 else network)


def changed_tables(plan, states):
    """[(unit, table, what is wrong with it in the kernel)] of the units that are up and have loaded a table of nft's."""
    files = {file["path"]: file["content"] for file in plan["files"]}
    wrong = []
    for unit in plan["units"]:
        table = unit.get("table")
        # A unit that is down, or a file that was changed, is told of as such.
        if table and is_up(states[unit["name"]]) and read_file(table["file"]) == files[table["file"]]:
            now = run(["nft", "list", "table", *table["name"].split()], limit=30, accept=(0, 1))
            if now != loaded(table):
                why = "the kernel's rules are not those of " + table["file"] if now else "the kernel has no such table"
                wrong.append((unit["name"], table["name"], why))
    return wrong


def loaded(table):
    """A table as nft shows it once its file is loaded: in a network of its own, which ends with the command."""
    words = 'include "%s"\nlist table %s\n' % (at(table["file"]), table["name"])
    # It would keep what it was told in a file of its own.
    return run(["unshare", "--net", "--", "nft", "--interactive"], stdin=words, limit=30, env={"HOME": "/dev/null"})


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
    # systemd has looked, and the unit's own file says that it is not for this machine: a clock that another keeps.
    if state.get("ConditionResult") == "no" and state.get("ConditionTimestampMonotonic", "0") not in ("", "0"):
        return rewritten
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
