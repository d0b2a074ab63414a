"""Restarts servers whose new configuration waits for it, and lets a server of Vault that takes itself for removed join
anew: one unit of one machine at a time, and only while all the other servers of that service are well.

input: {
  "servers": [{"machine", "node", "address", "hostKey", "roles", "pending": [units], "apis": {"consul": "host:port", ...}}],
  "consul": access, "vault": access, "nomad": access, "vaultLogin": {"path", "roleId", "secretId"}, "region": "global",
  "user": login on the servers, "privateKey": OpenSSH, "waitSeconds": 120
}

`pending` is what the machines said when they were set up; what still waits they are asked again, so a run that was cut or
stopped is taken up where it was. What a restart does is the machine's own affair (restart_pending.py); the key opens
nothing else. Where nothing is pending, and Vault's servers are what they shall be, nothing is done.
"""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from cluster_api import HttpError, NotYet, Unreachable, wait
from hashistack import Failure
from quorum import RaftService, VaultService

RUN = "/run/hashistack"
# In the order of their restarts: each stands on those before it.
UNITS = ("consul.service", "vault.service", "nomad.service")
# A little more than the machine itself gives it.
RESTART_SECONDS = 240
NOT_WAITING = 3
VAULT = "vault.service"
# A slow machine may be wrong about itself again.
REJOINS = 3


def create(given):
    chain = Chain(given)
    astray = [node for node in chain.vault_servers() if chain.takes_itself_for_removed(node)]
    return roll_out(chain, [server for server in given["servers"] if server["pending"]], astray)


def repair(given):
    """As create, but every server is asked: what waits came about since, by a repair of its files. One may be away."""
    chain = Chain(given)
    astray = []
    for node in chain.vault_servers():
        with contextlib.suppress(HttpError, Unreachable):
            if chain.service(VAULT).removed(node):
                astray.append(node)
    return roll_out(chain, given["servers"], astray)


def roll_out(chain, marked, astray):
    if not marked and not astray:
        return {"restarted": [], "rejoined": []}
    with alone(), key_folder(chain.given) as folder:
        ssh = chain.ssh = Ssh(chain.given["user"], folder)
        rejoined = chain.rejoin(astray)
        waiting = {server["node"]: ssh.pending(server) for server in marked}
        restarted = chain.restart({node: units for node, units in waiting.items() if units})
        return {"restarted": restarted, "rejoined": rejoined}


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
        return self._bring_back(server, unit, "restart", "did not restart")

    def rejoin(self, server, unit):
        """Whether it was started without what it had; False where it no longer takes itself for removed."""
        return self._bring_back(server, unit, "rejoin", "did not start anew")

    def _bring_back(self, server, unit, verb, otherwise):
        status, _, err = self._ask(server, "%s %s" % (verb, unit), RESTART_SECONDS)
        if status == NOT_WAITING:
            return False
        if status != 0:
            raise Failure("%s: %s %s" % (server["machine"], unit, otherwise), brief(err))
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
    def __init__(self, given):
        self.given = given
        self.ssh = None
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

    def vault_servers(self):
        return list(self.service(VAULT).apis)

    def takes_itself_for_removed(self, node):
        what = "%s: Vault tells of itself" % self.servers[node]["machine"]
        return wait(what, lambda: self.service(VAULT).removed(node), self.seconds)

    def rejoin(self, nodes):
        """Lets Vault's servers that take themselves for removed join anew, from nothing, as their successors would."""
        rejoined = []
        service = self.service(VAULT)
        if nodes:
            leader = wait("Vault: a leader", service.health, self.seconds).leader
            nodes = sorted(nodes, key=lambda node: node == leader)
        for n, node in enumerate(nodes):
            machine = self.servers[node]["machine"]
            for _ in range(REJOINS):
                say("%s: Vault takes itself for removed from its cluster, and joins anew" % machine)
                self._one(node, VAULT, {other: [VAULT] for other in nodes[n + 1 :]}, self.ssh.rejoin, "rejoined")
                if not self.takes_itself_for_removed(node):
                    break
            else:
                words = "%s: Vault joined %d times and took itself for removed each time: the machine is too slow"
                raise Failure(words % (machine, REJOINS), self.ssh.log(self.servers[node], VAULT))
            rejoined.append("%s %s" % (machine, VAULT))
        return rejoined

    def restart(self, waiting):
        """waiting: {node: [units]}."""
        while waiting:
            node = self._next(waiting)
            while waiting[node]:
                unit = waiting[node][0]
                try:
                    if self._one(node, unit, waiting, self.ssh.restart, "restarted"):
                        self.restarted.append("%s %s" % (self.servers[node]["machine"], unit))
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

    def _one(self, node, unit, waiting, bring_back, done_to_it):
        """Whether it was done: not where the machine says that nothing is to be done any more."""
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
        if not bring_back(server, unit):
            say("%s no longer waits" % where)
            return False
        seen = {}
        try:
            wait("%s: back as a healthy voter" % where, lambda: back(service, node, seen), self.seconds)
        except Failure as failure:
            raise Failure(str(failure), self.ssh.log(server, unit)) from None
        say("%s %s, back after %.1f s" % (where, done_to_it, time.monotonic() - begun))
        return True


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
