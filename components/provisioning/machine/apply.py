"""Makes a machine what its plan says, phase by phase; what is right already is left alone.

input: a machine's plan (components/provisioning/plan.ts), with each zone also as firewalld's XML: {"zones": [{"name",
"xml"}, …]}. Answers {"changed": [what was done], "pending": [units that wait for their turn to restart]}.

`check` goes through the same phases without changing anything and answers {"drift": [{"phase", "what", "why", "heals"}],
"pending"}; `repair` is `create` that looks as closely as `check`, and answers also what it cannot heal, as "left".
"""

import json
import os
import re
import time

import host
import leaf
import leaving
import observed
import packages
import programs
from host import Failure, at, change, listed, me, read_file, remove_file, run, unit_states, write_file

LEDGER = "/var/lib/hashistack/ledger.json"
UNITS = "/etc/systemd/system"
ZONES = "/etc/firewalld/zones"
FIREWALL = "firewalld.service"
# There from before its files are written until they are loaded. A boot, which takes it away, loads them too.
FIREWALL_DUE = "/run/hashistack/firewall"
HOST_KEYS = "/etc/ssh/sshd_config.d/05-hashistack-host-key.conf"
OWN_HOST_KEY = "HostKey /etc/ssh/ssh_host_ed25519_key\n"
NOT_ENABLED = ("disabled", "enabled-runtime", "masked", "masked-runtime")


class Machine:
    """One run over one plan. A thorough one also looks at what nobody but a person changes."""

    def __init__(self, plan, thorough=False):
        self.plan = plan
        self.thorough = thorough
        self.phase = ""
        self.changed = []
        self.drift = []
        self.notices = host.Notices()
        self.reload_units = False
        self.ledger = json.loads(read_file(LEDGER) or "{}")

    def did(self, done, why="it is missing", what=None):
        """Something was not as planned, and is now. `what` it is, where that is not what was done."""
        self.changed.append(done)
        self.drift.append({"phase": self.phase, "what": what or done, "why": why, "heals": True})

    def cannot(self, what, failure):
        """Something is not as planned, and stays so."""
        self.drift.append({"phase": self.phase, "what": what, "why": str(failure), "heals": False})

    def file(self, path, content, owner, group, mode, notices=()):
        wrong = host.put_file(path, content, owner, group, mode, lambda: self.notices.note(notices))
        if wrong is None:
            return False
        self.did("file " + path, wrong)
        self.reload_units |= path.startswith("/etc/systemd/system")
        return True

    # -- phases, in their order ------------------------------------------------------------------------------------------

    def identity(self):
        name = self.plan["hostname"]
        self.file("/etc/hostname", name + "\n", *me(), 0o644)
        found = run(["hostname"]).strip()
        if found != name:
            change(["hostname", name])
            self.did("host name " + name, "it is " + found, what="host name")
        lines = (read_file("/etc/hosts") or "").splitlines()
        others = [line for line in lines if line.split()[:1] != ["127.0.1.1"]]
        if lines != [*others, "127.0.1.1 " + name]:
            self.file("/etc/hosts", "\n".join([*others, "127.0.1.1 " + name]) + "\n", *me(), 0o644)
        # The throw-away host key of the first contact has served: this run came over the machine's own.
        if read_file(HOST_KEYS) not in (None, OWN_HOST_KEY):
            for entry in listed("/etc/ssh"):
                if re.fullmatch(r"ssh_host_\w+_key(\.pub)?", entry) and "ed25519" not in entry:
                    remove_file("/etc/ssh/" + entry)
                    self.did("file /etc/ssh/%s removed" % entry, "it is there", what="file /etc/ssh/" + entry)
            self.file(HOST_KEYS, OWN_HOST_KEY, *me(), 0o644)
            change(["systemctl", "reload", "ssh.service"])

    def packages(self):
        missing = packages.missing(self.plan["packages"])
        if missing and not host.looking:
            packages.install(missing)
        for name in missing:
            self.did("package " + name)

    def users(self):
        for user in self.plan["users"]:
            found = run(["getent", "passwd", user["name"]], accept=(0, 2)).strip()
            if not found:
                change(
                    ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
                    + ["--home-dir", user["home"], user["name"]]
                )
                self.did("user " + user["name"])
            elif found.split(":")[5] != user["home"]:
                change(["usermod", "--home", user["home"], user["name"]])
                self.did("user " + user["name"], "its home is " + found.split(":")[5])

    def directories(self):
        for folder in self.plan["directories"]:
            path, owner, group, mode = at(folder["path"]), folder["owner"], folder["group"], int(folder["mode"], 8)
            there = os.path.isdir(path)
            wrong = host.wrong_rights(os.stat(path), owner, group, mode) if there else ["it is missing"]
            if wrong and not host.looking:
                os.makedirs(path, exist_ok=True)
                os.chown(path, host.uid(owner), host.gid(group))
                os.chmod(path, mode)
            if wrong:
                self.did("directory " + folder["path"], " and ".join(wrong))

    def programs(self):
        for program in self.plan["programs"]:
            try:
                programs.ensure(program, self.plan, self.did, self.thorough)
            except Failure as failure:
                if not self.thorough:
                    raise
                self.cannot("program %s %s" % (program["name"], program["version"]), failure)

    def firewall(self):
        zones = self.plan["zones"]
        if not zones:
            return
        before, cut = len(self.changed), read_file(FIREWALL_DUE) is not None
        write_file(FIREWALL_DUE, "its files may not be loaded\n", *me(), 0o600)
        # What somebody put into a zone's file is no machine that leaves.
        leavers = {} if self.thorough else leaving.sources(zones)
        for zone in zones:
            self.file("%s/%s.xml" % (ZONES, zone["name"]), zone["xml"], *me(), 0o644)
        for name in self.ledger.get("zones", []):
            if name not in {zone["name"] for zone in zones} and remove_file("%s/%s.xml" % (ZONES, name)):
                self.did("zone %s removed" % name, "it is there", what="zone " + name)
        self.files("/etc/firewalld/")
        config = read_file("/etc/firewalld/firewalld.conf")
        if config is None:
            raise Failure("/etc/firewalld/firewalld.conf is missing: is firewalld installed?")
        drops = re.sub(r"^\s*DefaultZone\s*=.*$", "DefaultZone=drop", config, flags=re.M)
        if "DefaultZone=drop" not in drops:
            drops += "\nDefaultZone=drop\n"
        self.file("/etc/firewalld/firewalld.conf", drops, *me(), 0o644)
        state = unit_states([FIREWALL])[FIREWALL]
        try:
            if state.get("UnitFileState") != "enabled":
                if state.get("UnitFileState", "").startswith("masked"):
                    change(["systemctl", "unmask", FIREWALL])
                change(["systemctl", "enable", FIREWALL])
                self.did("unit %s enabled" % FIREWALL, "it is " + state.get("UnitFileState", ""), what="unit " + FIREWALL)
            if state.get("ActiveState") != "active":
                # It is up before anything else listens.
                change(["systemctl", "start", FIREWALL], limit=60)
                self.did("unit %s started" % FIREWALL, observed.condition(state), what="unit " + FIREWALL)
            else:
                for name, wrong in observed.firewall_differences(zones) if self.thorough else ():
                    self.did("zone %s loaded" % name, wrong, what="zone " + name)
                if len(self.changed) > before or cut:
                    change(["firewall-cmd", "--reload"], limit=60)
                    leaving.let_in(leavers)
        except Failure as failure:
            raise Failure(str(failure), failure.log + "\n" + host.journal(FIREWALL))
        remove_file(FIREWALL_DUE)

    def files(self, below=None):
        for file in self.plan["files"]:
            # firewalld's own files belong to its phase.
            if file["path"].startswith("/etc/firewalld/") == bool(below):
                self.file(
                    file["path"], file["content"], file["owner"], file["group"], int(file["mode"], 8), file.get("notifies", ())
                )

    def certificates(self):
        for wanted in self.plan["certificates"]:
            reason = leaf.ensure(wanted, self.plan["signer"], lambda: self.notices.note(wanted["notifies"]))
            if reason:
                name = "certificate of " + wanted["service"]
                self.did("%s: %s" % (name, reason), reason, what=name)

    def retire(self):
        """What left the plan goes: units first, then their files."""
        units = {unit["name"] for unit in self.plan["units"]}
        gone = [name for name in self.ledger.get("units", []) if name not in units]
        states = unit_states(gone)
        stop = [name for name in gone if states[name].get("LoadState") != "not-found"]
        if stop:
            change(["systemctl", "disable", "--now", "--", *stop], limit=180)
        for name in stop:
            self.did("unit %s removed" % name, "it is there", what="unit " + name)
        for name in gone:
            self.reload_units |= remove_file("%s/%s" % (UNITS, name))
            remove_file("%s/%s" % (host.PENDING, name))
        files = {file["path"] for file in self.plan["files"]}
        for path, notices in self.ledger.get("files", {}).items():
            if path not in files and os.path.lexists(at(path)):
                self.notices.note(notices)
                remove_file(path)
                self.did("file %s removed" % path, "it is there", what="file " + path)
        folders = {wanted["directory"] for wanted in self.plan["certificates"]}
        for folder in self.ledger.get("certificates", []):
            if folder not in folders:
                for name in ("ca", "cert", "key"):
                    if remove_file("%s/%s.pem" % (folder, name)):
                        self.did("file %s/%s.pem removed" % (folder, name), "it is there")

    def units(self):
        units = self.plan["units"]
        names = [unit["name"] for unit in units]
        self.retire()
        rewritten = set()
        planned = {file["path"] for file in self.plan["files"]}
        for unit in units:
            if unit.get("content") is None:
                continue
            name = unit["name"]
            then = [{"unit": name, "action": unit["onChange"]}] if unit.get("onChange") else []
            if self.file("%s/%s" % (UNITS, name), unit["content"], *me(), 0o644, then):
                rewritten.add(name)
            for path in observed.drop_ins(name) if self.thorough else ():
                if path not in planned:
                    self.notices.note(then)
                    remove_file(path)
                    self.reload_units = True
                    self.did("file %s removed" % path, "it changes %s" % name, what="file " + path)
        before = unit_states(names)
        for unit in units:
            if unit.get("content") is None and before[unit["name"]].get("LoadState") == "not-found":
                raise Failure("unit %s is neither in the plan nor brought by a package" % unit["name"])
        self.enable(units, before, rewritten)
        for unit, table, wrong in observed.changed_tables(self.plan, before) if self.thorough else ():
            self.notices.note([{"unit": unit, "action": "reload"}])
            self.did("table %s loaded" % table, wrong, what="table " + table)
        told = list(self.notices.due())
        states = unit_states([*names, *told])
        for name in names:
            if states[name].get("LoadState") not in ("loaded", None) and not host.looking:
                raise Failure("unit %s cannot be loaded: %s" % (name, states[name].get("LoadError") or states[name]["LoadState"]))
        wanted = [unit["name"] for unit in units if unit["enable"]]
        start = [name for name in wanted if observed.must_start(states[name], name in rewritten)]
        if start:
            failed = [name for name in start if states[name].get("ActiveState") == "failed"]
            if failed:
                change(["systemctl", "reset-failed", "--", *failed])
            change(["systemctl", "start", "--no-block", "--", *start])
        for name in start:
            self.did("unit %s started" % name, observed.condition(states[name]), what="unit " + name)
        running = {name for name, state in states.items() if host.is_up(state) and name not in start}
        for done in self.notices.carry_out(running):
            self.did("unit " + done, "it was to be told of a change", what="unit " + done.split()[0])

    def enable(self, units, before, rewritten):
        """What starts at a boot, and what systemd has read."""
        names = {True: [], False: []}
        for unit in units:
            name, now = unit["name"], before[unit["name"]].get("UnitFileState") or "disabled"
            wrong = (now in NOT_ENABLED) if unit["enable"] else now == "enabled"
            if wrong and name not in rewritten:
                self.did("unit %s %sabled" % (name, "en" if unit["enable"] else "dis"), "it is " + now, what="unit " + name)
            if wrong or (unit["enable"] and name in rewritten):
                names[unit["enable"]].append(name)
            if now.startswith("masked"):
                change(["systemctl", "unmask", "--", name])
            if before[name].get("NeedDaemonReload") == "yes" and not self.reload_units:
                self.did("unit %s read again" % name, "systemd has not read its file again", what="unit " + name)
                self.reload_units = True
        for enable, found in names.items():
            if found:
                change(["systemctl", "enable" if enable else "disable", "--no-reload", "--", *found])
        if any(names.values()) or self.reload_units:
            change(["systemctl", "daemon-reload"], limit=120)

    def checks(self):
        if host.looking:
            named = {found["what"] for found in self.drift}
            for check in self.plan["checks"]:
                problem = None if "unit " + check["journalOf"] in named else observed.why_not(check)
                if problem:
                    self.did(check["what"], "not so: " + problem)
            return
        begun = time.monotonic()
        for check in self.plan["checks"]:
            while True:
                problem = observed.why_not(check)
                if problem is None:
                    break
                late = time.monotonic() > begun + check["timeoutSeconds"]
                if late or problem.startswith("failed"):
                    raise Failure(
                        "%s: not so%s: %s" % (check["what"], " within %d s" % check["timeoutSeconds"] if late else "", problem),
                        host.journal(check["journalOf"]),
                    )
                time.sleep(0.1)

    # -- what the next run must know -------------------------------------------------------------------------------------

    def keep_ledger(self, final):
        """All that is ours; while the work is under way, also what was ours before."""
        plan = self.plan
        now = {
            "files": {file["path"]: list(file.get("notifies", ())) for file in plan["files"]},
            "units": [unit["name"] for unit in plan["units"]],
            "zones": [zone["name"] for zone in plan["zones"]],
            "certificates": [wanted["directory"] for wanted in plan["certificates"]],
        }
        if not final:
            now["files"] = {**self.ledger.get("files", {}), **now["files"]}
            for kind in ("units", "zones", "certificates"):
                now[kind] = list(dict.fromkeys([*self.ledger.get(kind, []), *now[kind]]))
        write_file(LEDGER, json.dumps(now, indent=1, sort_keys=True) + "\n", *me(), 0o600)


PHASES = "identity packages users directories programs firewall files certificates units checks".split()


def create(plan):
    return make(Machine(plan))


def repair(plan):
    machine = Machine(plan, thorough=True)
    return {**make(machine), "left": [found for found in machine.drift if not found["heals"]]}


def make(machine):
    with host.lock("apply", 300):
        machine.keep_ledger(final=False)
        for machine.phase in PHASES:
            try:
                getattr(machine, machine.phase)()
            except Failure as failure:
                raise Failure("phase %s: %s" % (machine.phase, failure), failure.log)
        machine.keep_ledger(final=True)
        return {"changed": machine.changed, "pending": machine.notices.pending()}


def check(plan):
    host.looking = True
    with host.lock("apply", 60):
        machine = Machine(plan, thorough=True)
        for machine.phase in PHASES:
            try:
                getattr(machine, machine.phase)()
            except Failure as failure:
                machine.cannot("phase " + machine.phase, failure)
        return {"drift": machine.drift, "pending": machine.notices.pending()}
