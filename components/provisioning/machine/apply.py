"""Makes a machine what its plan says, phase by phase; what is right already is left alone.

input: a machine's plan (components/provisioning/plan.ts), with each zone also as firewalld's XML: {"zones": [{"name",
"xml"}, …]}. Answers {"changed": [what was done], "pending": [units that wait for their turn to restart]}.
"""

import json
import os
import re
import socket
import stat
import time

import host
import leaf
import leaving
import programs
from host import Failure, at, listed, me, read_file, remove_file, run, unit_states, write_file

LEDGER = "/var/lib/hashistack/ledger.json"
UNITS = "/etc/systemd/system"
ZONES = "/etc/firewalld/zones"
FIREWALL = "firewalld.service"
HOST_KEYS = "/etc/ssh/sshd_config.d/05-hashistack-host-key.conf"
OWN_HOST_KEY = "HostKey /etc/ssh/ssh_host_ed25519_key\n"
POLICY = "/usr/sbin/policy-rc.d"
NO_STARTS = "#!/bin/sh\n# hashistack: daemons of new packages start when the plan says so, behind the firewall.\nexit 101\n"


class Machine:
    """One run over one plan."""

    def __init__(self, plan):
        self.plan = plan
        self.changed = []
        self.notices = host.Notices()
        self.reload_units = False
        self.ledger = json.loads(read_file(LEDGER) or "{}")

    def did(self, what):
        self.changed.append(what)

    def file(self, path, content, owner, group, mode, notices=()):
        if write_file(path, content, owner, group, mode, lambda: self.notices.note(notices)):
            self.did("file " + path)
            self.reload_units |= path.startswith("/etc/systemd/system")
            return True
        return False

    # -- phases, in their order ------------------------------------------------------------------------------------------

    def identity(self):
        name = self.plan["hostname"]
        self.file("/etc/hostname", name + "\n", *me(), 0o644)
        if socket.gethostname() != name:
            run(["hostname", name])
        lines = (read_file("/etc/hosts") or "").splitlines()
        others = [line for line in lines if line.split()[:1] != ["127.0.1.1"]]
        if lines != [*others, "127.0.1.1 " + name]:
            self.file("/etc/hosts", "\n".join([*others, "127.0.1.1 " + name]) + "\n", *me(), 0o644)
        # The throw-away host key of the first contact has served: this run came over the machine's own.
        if read_file(HOST_KEYS) not in (None, OWN_HOST_KEY):
            for entry in listed("/etc/ssh"):
                if re.fullmatch(r"ssh_host_\w+_key(\.pub)?", entry) and "ed25519" not in entry:
                    remove_file("/etc/ssh/" + entry)
                    self.did("file /etc/ssh/%s removed" % entry)
            self.file(HOST_KEYS, OWN_HOST_KEY, *me(), 0o644)
            run(["systemctl", "reload", "ssh.service"])

    def packages(self):
        if read_file(POLICY) == NO_STARTS:  # left by a run that was cut
            remove_file(POLICY)
        wanted = self.plan["packages"]
        if not wanted:
            return
        known = run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"])
        installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
        missing = [name for name in wanted if name not in installed]
        if not missing:
            return
        apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Options::=--force-confold"]
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
        own_policy = not os.path.lexists(at(POLICY))
        if own_policy:
            write_file(POLICY, NO_STARTS, *me(), 0o755)
        try:
            run([*apt, "update"], limit=180, env=quiet)
            run([*apt, "--no-install-recommends", "install", *missing], limit=600, env=quiet)
        finally:
            if own_policy:
                remove_file(POLICY)
        self.changed += ["package " + name for name in missing]

    def users(self):
        for user in self.plan["users"]:
            found = run(["getent", "passwd", user["name"]], accept=(0, 2)).strip()
            if not found:
                run(
                    ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
                    + ["--home-dir", user["home"], user["name"]]
                )
                self.did("user " + user["name"])
            elif found.split(":")[5] != user["home"]:
                run(["usermod", "--home", user["home"], user["name"]])
                self.did("user " + user["name"])

    def directories(self):
        for folder in self.plan["directories"]:
            path = at(folder["path"])
            owner, group, mode = host.uid(folder["owner"]), host.gid(folder["group"]), int(folder["mode"], 8)
            new = not os.path.isdir(path)
            if new:
                os.makedirs(path, exist_ok=True)
            found = os.stat(path)
            if (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != (owner, group, mode):
                os.chown(path, owner, group)
                os.chmod(path, mode)
                new = True
            if new:
                self.did("directory " + folder["path"])

    def programs(self):
        for program in self.plan["programs"]:
            self.changed += programs.ensure(program, self.plan)

    def firewall(self):
        zones = self.plan["zones"]
        if not zones:
            return
        before = len(self.changed)
        leavers = leaving.sources(zones)
        for zone in zones:
            self.file("%s/%s.xml" % (ZONES, zone["name"]), zone["xml"], *me(), 0o644)
        for name in self.ledger.get("zones", []):
            if name not in {zone["name"] for zone in zones} and remove_file("%s/%s.xml" % (ZONES, name)):
                self.did("zone %s removed" % name)
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
                run(["systemctl", "enable", FIREWALL])
                self.did("unit %s enabled" % FIREWALL)
            if state.get("ActiveState") != "active":
                # It is up before anything else listens.
                run(["systemctl", "start", FIREWALL], limit=60)
                self.did("unit %s started" % FIREWALL)
            elif len(self.changed) > before or read_file("/run/hashistack/firewall") is not None:
                run(["firewall-cmd", "--reload"], limit=60)
                leaving.let_in(leavers)
        except Failure as failure:
            write_file("/run/hashistack/firewall", "to be reloaded\n", *me(), 0o600)
            raise Failure(str(failure), failure.log + "\n" + host.journal(FIREWALL))
        remove_file("/run/hashistack/firewall")

    def files(self, below=None):
        for file in self.plan["files"]:
            # firewalld's own files belong to its phase.
            if file["path"].startswith("/etc/firewalld/") == bool(below):
                self.file(
                    file["path"], file["content"], file["owner"], file["group"], int(file["mode"], 8), file.get("notifies", ())
                )

    def certificates(self):
        with host.lock("leaf", 300):
            for wanted in self.plan["certificates"]:
                reason = leaf.ensure(wanted, self.plan["signer"], lambda: self.notices.note(wanted["notifies"]))
                if reason:
                    self.did("certificate of %s: %s" % (wanted["service"], reason))

    def retire(self):
        """What left the plan goes: units first, then their files."""
        units = {unit["name"] for unit in self.plan["units"]}
        gone = [name for name in self.ledger.get("units", []) if name not in units]
        states = unit_states(gone)
        stop = [name for name in gone if states[name].get("LoadState") != "not-found"]
        if stop:
            run(["systemctl", "disable", "--now", "--", *stop], limit=180)
            self.changed += ["unit %s removed" % name for name in stop]
        for name in gone:
            self.reload_units |= remove_file("%s/%s" % (UNITS, name))
            remove_file("%s/%s" % (host.PENDING, name))
        files = {file["path"] for file in self.plan["files"]}
        for path, notices in self.ledger.get("files", {}).items():
            if path not in files and os.path.lexists(at(path)):
                self.notices.note(notices)
                remove_file(path)
                self.did("file %s removed" % path)
        folders = {wanted["directory"] for wanted in self.plan["certificates"]}
        for folder in self.ledger.get("certificates", []):
            if folder not in folders:
                for name in ("ca", "cert", "key"):
                    if remove_file("%s/%s.pem" % (folder, name)):
                        self.did("file %s/%s.pem removed" % (folder, name))

    def units(self):
        units = self.plan["units"]
        names = [unit["name"] for unit in units]
        self.retire()
        rewritten = set()
        for unit in units:
            if unit.get("content") is None:
                continue
            then = [{"unit": unit["name"], "action": unit["onChange"]}] if unit.get("onChange") else []
            if self.file("%s/%s" % (UNITS, unit["name"]), unit["content"], *me(), 0o644, then):
                rewritten.add(unit["name"])
        before = unit_states(names)
        for unit in units:
            if unit.get("content") is None and before[unit["name"]].get("LoadState") == "not-found":
                raise Failure("unit %s is neither in the plan nor brought by a package" % unit["name"])
        enable = [
            unit["name"]
            for unit in units
            if unit["enable"]
            and (unit["name"] in rewritten or before[unit["name"]].get("UnitFileState") in ("disabled", "", None))
        ]
        disable = [
            unit["name"] for unit in units if not unit["enable"] and before[unit["name"]].get("UnitFileState") == "enabled"
        ]
        if enable:
            run(["systemctl", "enable", "--no-reload", "--", *enable])
        if disable:
            run(["systemctl", "disable", "--no-reload", "--", *disable])
        if enable or disable or self.reload_units:
            run(["systemctl", "daemon-reload"], limit=120)
        told = list(self.notices.due())
        states = unit_states([*names, *told])
        for name in names:
            if states[name].get("LoadState") not in ("loaded", None):
                raise Failure("unit %s cannot be loaded: %s" % (name, states[name].get("LoadError") or states[name]["LoadState"]))
        start = [unit["name"] for unit in units if unit["enable"] and self.must_start(states[unit["name"]], unit["name"] in rewritten)]
        if start:
            failed = [name for name in start if states[name].get("ActiveState") == "failed"]
            if failed:
                run(["systemctl", "reset-failed", "--", *failed])
            run(["systemctl", "start", "--no-block", "--", *start])
            self.changed += ["unit %s started" % name for name in start]
        running = {name for name, state in states.items() if host.is_up(state) and name not in start}
        self.changed += ["unit " + done for done in self.notices.carry_out(running)]

    @staticmethod
    def must_start(state, rewritten):
        if host.is_up(state):
            return False
        ran = state.get("ExecMainStartTimestampMonotonic", "0") not in ("", "0")
        # A oneshot that has done its work is not started again by every run.
        return not (state.get("Type") == "oneshot" and ran and state.get("Result") == "success" and not rewritten)

    def checks(self):
        begun = time.monotonic()
        for check in self.plan["checks"]:
            while True:
                problem = why_not(check)
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


def why_not(check):
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


PHASES = (
    "identity",
    "packages",
    "users",
    "directories",
    "programs",
    "firewall",
    "files",
    "certificates",
    "units",
    "checks",
)


def create(plan):
    with host.lock("apply", 300):
        machine = Machine(plan)
        machine.keep_ledger(final=False)
        for phase in PHASES:
            try:
                getattr(machine, phase)()
            except Failure as failure:
                raise Failure("phase %s: %s" % (phase, failure), failure.log)
        machine.keep_ledger(final=True)
        return {"changed": machine.changed, "pending": machine.notices.pending()}
