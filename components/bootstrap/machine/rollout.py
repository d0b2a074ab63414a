"""Restarts servers whose new configuration waits for it: one unit of one machine at a time, and only while all the other
servers of that service are well.

input: {
  "servers": [{"machine", "node", "address", "hostKey", "roles", "pending": [units], "apis": {"consul": "host:port", ...}}],
  "consul": access, "vault": access, "nomad": access, "vaultLogin": {"path", "roleId", "secretId"}, "region": "global",
  "user": login on the servers, "privateKey": OpenSSH, "waitSeconds": 120
}

`pending` is what the machines said when they were set up; what still waits they are asked again, so a run that was cut or
stopped is taken up where it was. What a restart does is the machine's own affair (restart_pending.py); the key opens
nothing else. Where nothing is pending, nobody is asked anything.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from cluster_api import NotYet, wait
from hashistack import Failure
from quorum import RaftService, VaultService

RUN = "/run/hashistack"
# In the order of their restarts: each stands on those before it.
UNITS = ("consul.service", "vault.service", "nomad.service")
# A little more than the machine itself gives it.
RESTART_SECONDS = 240
NOT_WAITING = 3


def create(given):
    return roll_out(given, [server for server in given["servers"] if server["pending"]])


def repair(given):
    """As create, but every server is asked: what waits came about since, by a repair of its files."""
    return roll_out(given, given["servers"])


def roll_out(given, marked):
    if not marked:
        return {"restarted": []}
    with alone(), key_folder(given) as folder:
        ssh = Ssh(given["user"], folder)
        waiting = {server["node"]: ssh.pending(server) for server in marked}
        return {"restarted": Chain(given, ssh).restart({node: units for node, units in waiting.items() if units})}


@contextlib.contextmanager
def alone():
    """A run that lost its connection may still be at work: two would take two servers away."""
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    with open(os.path.join(RUN, "rollout.lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("an earlier rollout is still at work on this machine; it ends by itself") from None
        yield


@contextlib.contextmanager
def key_folder(given):
    """The key and the machines' host keys, root's alone, for as long as the program runs."""
    folder = os.path.join(RUN, "rollout")
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    os.mkdir(folder, 0o700)
    try:
        _write(os.path.join(folder, "key"), given["privateKey"].rstrip("\n") + "\n")
        known = ["%s %s\n" % (server["node"], server["hostKey"]) for server in given["servers"]]
        _write(os.path.join(folder, "known_hosts"), "".join(known))
        yield folder
    finally:
        shutil.rmtree(folder)


def _write(path, text):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


class Ssh:
    """What the servers are asked for, by the key that can nothing else."""

    def __init__(self, user, folder):
        self.user = user
        self.folder = folder

    def pending(self, server):
        """What still waits, in the order of restarts."""
        status, out, err = self._ask(server, "pending", 30)
        if status != 0:
            raise Failure("%s does not tell what waits for a restart" % server["machine"], err)
        units = json.loads(out)
        unknown = sorted(set(units) - set(UNITS))
        if unknown:
            raise Failure("%s: nobody knows how to restart %s with care" % (server["machine"], ", ".join(unknown)))
        return [unit for unit in UNITS if unit in units]

    def restart(self, server, unit):
        """Whether it was restarted; False where it no longer waits."""
        status, _, err = self._ask(server, "restart " + unit, RESTART_SECONDS)
        if status == NOT_WAITING:
            return False
        if status != 0:
            raise Failure("%s: %s did not restart" % (server["machine"], unit), brief(err))
        return True

    def log(self, server, unit):
        try:
            status, out, err = self._ask(server, "log " + unit, 30)
        except Failure as failure:
            return str(failure)
        return brief(out if status == 0 else err)

    def _ask(self, server, words, seconds):
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": server["node"],
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": os.path.join(self.folder, "key"),
            "LogLevel": "ERROR",
            "ServerAliveInterval": "15",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "UserKnownHostsFile": os.path.join(self.folder, "known_hosts"),
        }
        argv = ["ssh", "-F", "none", "-T", "-l", self.user]
        for name, value in options.items():
            argv += ["-o", "%s=%s" % (name, value)]
        try:
            done = subprocess.run(
                [*argv, "--", server["address"], words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            raise Failure("%s: no answer to %r within %d s" % (server["machine"], words, seconds)) from None
        if done.returncode == 255:
            raise Failure("%s cannot be reached over SSH from here" % server["machine"], done.stderr)
        return done.returncode, done.stdout, done.stderr


class Chain:
    def __init__(self, given, ssh):
        self.given = given
        self.ssh = ssh
        self.seconds = given["waitSeconds"]
        self.servers = {server["node"]: server for server in given["servers"]}
        self.services = {}
        self.restarted = []

    def service(self, unit):
        """The service whose quorum a unit is part of."""
        if unit not in self.services:
            name = unit.split(".")[0]
            apis = {node: server["apis"][name] for node, server in self.servers.items() if name in server["apis"]}
            if name == "vault":
                self.services[unit] = VaultService(self.given["vault"], self.given["vaultLogin"], apis)
            else:
                suffix = "." + self.given["region"] if name == "nomad" else ""
                self.services[unit] = RaftService(name, self.given[name], apis, suffix)
        return self.services[unit]

    def restart(self, waiting):
        """waiting: {node: [units]}."""
        while waiting:
            node = self._next(waiting)
            while waiting[node]:
                unit = waiting[node][0]
                try:
                    self._one(node, unit, waiting)
                except Failure as failure:
                    left = sum(len(units) for units in waiting.values()) - 1
                    words = "%s; %d more wait for their restart" % (failure, left) if left else str(failure)
                    raise Failure(words, failure.log) from None
                waiting[node].pop(0)
            del waiting[node]
        return self.restarted

    def _next(self, waiting):
        """Who is not well anyway comes first, then followers, then leaders."""
        units = {unit for units in waiting.values() for unit in units}
        seen = {}
        for unit in UNITS:
            if unit in units:
                service = self.service(unit)
                seen[unit] = wait("%s: a leader" % service.title, service.health, self.seconds)

        def rank(node):
            mine = waiting[node]
            sick = any(not seen[unit].voters.get(node) for unit in mine)
            return not sick, sum(seen[unit].leader == node for unit in mine)

        return min(waiting, key=rank)

    def _one(self, node, unit, waiting):
        server, service = self.servers[node], self.service(unit)
        where = "%s: %s" % (server["machine"], unit)
        seen = {}
        what = "%s: all other servers of %s well before its restart" % (where, service.title)
        wait(what, lambda: spared(service, node, seen), self.seconds)
        if len(service.apis) > 1:
            # Leadership shall not go to one that must go itself.
            done = [other for other in service.apis if other != node and unit not in waiting.get(other, ())]
            service.hand_over(node, done)
        begun = time.monotonic()
        if not self.ssh.restart(server, unit):
            say("%s no longer waits" % where)
            return
        seen = {}
        try:
            wait("%s: back as a healthy voter" % where, lambda: back(service, node, seen), self.seconds)
        except Failure as failure:
            raise Failure(str(failure), self.ssh.log(server, unit)) from None
        say("%s restarted, back after %.1f s" % (where, time.monotonic() - begun))
        self.restarted.append("%s %s" % (server["machine"], unit))


def spared(service, node, seen):
    """Whether the others are a quorum without this one, all of them well and up to date."""
    others = [other for other in service.apis if other != node]
    health = service.health()
    sick = sorted(other for other in others if not health.voters.get(other))
    if sick:
        raise NotYet("not healthy voters: %s" % ", ".join(sick))
    well = sum(1 for voter, fine in health.voters.items() if fine and voter != node)
    # Two or fewer servers never bear a restart.
    if len(service.apis) > 2 and well < len(health.voters) // 2 + 1:
        raise NotYet("only %d others of %d voters are well" % (well, len(health.voters)))
    up_to_date(service, others, seen)


def back(service, node, seen):
    if not service.place(node).follows:
        raise NotYet("it hears no leader")
    up_to_date(service, list(service.apis), seen)
    sick = service.sick(service.apis)
    if sick:
        raise NotYet("not healthy voters: %s" % ", ".join(sick))


def up_to_date(service, nodes, seen):
    """Whether all have what was committed when this was asked first (which `seen` keeps)."""
    if "index" not in seen:
        seen["index"] = service.committed()
    for node in nodes:
        applied = service.place(node).applied
        if applied < seen["index"]:
            raise NotYet("%s is at index %d of %d" % (node, applied, seen["index"]))


def brief(log):
    """The last lines, short enough for an error that people read."""
    return "\n".join(line if len(line) <= 200 else line[:200] + "…" for line in log.rstrip().splitlines()[-12:])


def say(words):
    print(words, file=sys.stderr, flush=True)
