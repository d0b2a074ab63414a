"""One machine's membership: the tokens of its daemons when it comes, an orderly departure when it goes.

input: {
  "node": name in all three, "region": "global", "roles": [...],
  "tokens": [...],                               # Consul's, as its API takes them
  "consul": access, "nomad": access, "vault": access or absent,
  "vaultLogin": {"path", "roleId", "secretId"},  # for Vault servers
  "timeoutSeconds": 60, "drainSeconds": 120, "farewellSeconds": 3600
}

The machine still runs when it is asked to go, and is destroyed afterwards. So `delete` does what must come first
(drain, give up leadership, leave Vault's quorum), and hands the rest, which a living agent would undo, to a unit that
waits for the machine's end.
"""

import contextlib
import fcntl
import os
import urllib.parse
from cluster_api import Api, NotYet, hand_over, raft_voters, vault_login, wait
from consul_bootstrap import delete_token, put_token
from detached import running, start

RUN = "/run/hashistack"
FAREWELL = "hashistack-farewell-"
ALIVE = 1
FORGET_SECONDS = 120
ENDED = ("complete", "failed", "lost")


def create(given):
    consul = Api("consul", given["consul"])
    for token in given["tokens"]:
        wait("Consul: token of %s" % given["node"], lambda: put_token(consul, token), given["timeoutSeconds"])


def delete(given):
    roles, node, seconds = given["roles"], given["node"], given["timeoutSeconds"]
    quorums = []
    if "vault-server" in roles and given.get("vault"):
        quorums.append(VaultQuorum(given))
    if "consul-server" in roles:
        quorums.append(RaftQuorum(Api("consul", given["consul"]), node))
    if "nomad-server" in roles:
        quorums.append(RaftQuorum(Api("nomad", given["nomad"]), node, "." + given["region"]))
    with turn() if quorums else contextlib.nullcontext():
        for quorum in quorums:  # all of them, before it leaves the first
            what = "%s: the others a quorum when %s is gone" % (quorum.api.title, node)
            wait(what, quorum.check, seconds)
        if "nomad-client" in roles:
            drain(Api("nomad", given["nomad"]), node, given["drainSeconds"])
        for quorum in quorums:
            quorum.leave()
        start(FAREWELL + node, "farewell", given, given["farewellSeconds"] + 60)


@contextlib.contextmanager
def turn(seconds=150):
    """One server after another: each counts on those that stay."""
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    with open(os.path.join(RUN, "leaving.lock"), "w") as file:

        def locked():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NotYet("another server is about to leave") from None

        wait("the turn to leave", locked, seconds)
        yield


def drain(nomad, name, seconds):
    """Moves the node's work away and waits until it is gone."""
    for node in _nodes(nomad, name):
        path = "/v1/node/" + node["ID"]
        nomad.request("POST", path + "/eligibility", {"NodeID": node["ID"], "Eligibility": "ineligible"})
        if node["Status"] != "ready":
            continue
        spec = {"Deadline": int(seconds * 0.75 * 1e9), "IgnoreSystemJobs": False}
        nomad.request("POST", path + "/drain", {"NodeID": node["ID"], "DrainSpec": spec, "MarkEligible": False})

        def empty():
            state = nomad.get(path, missing=(404,))
            if state is None or state["Status"] == "down":
                return
            left = [a for a in nomad.get(path + "/allocations") or [] if a["ClientStatus"] not in ENDED]
            if left:
                raise NotYet("%d allocations: %s" % (len(left), ", ".join(sorted(a["Name"] for a in left))))
            if state.get("DrainStrategy"):
                raise NotYet("nothing runs, but the drain is not marked done")

        wait("Nomad: %s drained" % name, empty, seconds)


class VaultQuorum:
    """It leaves while all are there: those who stay must be a quorum of themselves."""

    def __init__(self, given):
        self.node = given["node"]
        self.api = vault_login(given["vault"], given["vaultLogin"])

    def servers(self):
        return self.api.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]

    def mine(self):
        return [s for s in self.servers() if s["node_id"] == self.node]

    def check(self):
        if not self.mine():
            return
        seen = (self.api.get("/v1/sys/storage/raft/autopilot/state", missing=(404,)) or {}).get("data")
        if not seen:
            raise NotYet("no leader has looked yet")
        sick = [node for node in seen["voters"] or [] if not seen["servers"][node]["healthy"]]
        _spared([node for node in seen["voters"] or [] if node != self.node], 0, sick, [])

    def leave(self):
        mine = self.mine()
        if mine and mine[0].get("leader"):
            self.api.request("PUT", "/v1/sys/step-down", expect=(204,))
            wait("Vault: another leader than %s" % self.node, self.led_by_another, 60)
        if mine:
            self.api.request("POST", "/v1/sys/storage/raft/remove-peer", {"server_id": self.node}, expect=(200, 204))

    def led_by_another(self):
        if not any(s.get("leader") and s["node_id"] != self.node for s in self.servers()):
            raise NotYet("%s leads, or nobody does" % self.node)


class RaftQuorum:
    """Consul or Nomad, and what it appends to a node's name. A living agent would come back: it only hands over, and counts as
    a voter until it is forgotten."""

    def __init__(self, api, node, suffix=""):
        self.api = api
        self.name = node + suffix
        self.suffix = suffix

    def check(self):
        if not any(server["Node"] == self.name for server in _servers(self.api)):
            return
        # 429: somebody is not well
        seen = self.api.call("GET", "/v1/operator/autopilot/health", expect=(200, 429)).body["Servers"]
        if not seen:
            raise NotYet("no leader has looked yet")
        voters = [s["Name"] for s in seen if s["Voter"] and s["Name"] != self.name]
        leaving = [name for name in voters if running(FAREWELL + name[: len(name) - len(self.suffix)])]
        sick = [s["Name"] for s in seen if not s["Healthy"]]
        _spared(voters, 1, sick, leaving)

    def leave(self):
        hand_over(self.api, self.name)


def _spared(others, more, sick, leaving):
    """Whether enough of the other voters stay. more: voters beside them, of whom nobody answers then."""
    stay = [other for other in others if other not in sick and other not in leaving]
    if len(stay) * 2 > len(others) + more:
        return
    words = [
        "%s: %s" % (what, ", ".join(sorted(some)))
        for what, known in (("not well", sick), ("leaving", leaving))
        if (some := set(known) & set(others))
    ]
    raise NotYet("%d of %d voters would be left%s" % (len(stay), len(others) + more, "".join("; " + word for word in words)))


def farewell(given):
    """Waits until the machine is silent, then forgets it."""
    node, seconds = given["node"], given["farewellSeconds"]
    consul, nomad = Api("consul", given["consul"]), Api("nomad", given["nomad"])

    def silent():
        alive = [m["Name"] for m in consul.get("/v1/agent/members") or [] if m["Name"] == node and m["Status"] == ALIVE]
        if alive:
            raise NotYet("it is alive")

    def forget(title, step):
        """Nobody comes back to what is not done here, and a server that went may have led: an election is waited for."""
        return wait("%s: %s is forgotten" % (title, node), step, FORGET_SECONDS)

    def forget_member():
        if any(m["Name"] == node for m in consul.get("/v1/agent/members") or []):
            consul.put("/v1/agent/force-leave/%s?prune=1" % urllib.parse.quote(node, safe=""))

    wait("Consul: %s is silent" % node, silent, seconds)
    peers = _peers(consul, node)
    forget("Consul", forget_member)
    forget("Consul", lambda: _remove(consul, peers))

    server = "%s.%s" % (node, given["region"])
    peers = _peers(nomad, server)
    # Whom the asked server still takes for alive it does not forget.
    if wait("Nomad: server %s is silent" % node, lambda: _silent(nomad, server), seconds):
        leave = "/v1/agent/force-leave?prune=true&node=" + urllib.parse.quote(server, safe="")
        forget("Nomad", lambda: nomad.put(leave))
    forget("Nomad", lambda: _remove(nomad, peers))
    for known in forget("Nomad", lambda: _nodes(nomad, node)):
        path = "/v1/node/" + known["ID"]

        def down(path=path):
            state = nomad.get(path, missing=(404,))
            if state and state["Status"] not in ("down", "disconnected"):
                raise NotYet("its status is %s" % state["Status"])

        wait("Nomad: %s is down" % node, down, seconds)
        forget("Nomad", lambda path=path: nomad.put(path + "/purge", expect=(200, 404)))
    for token in given["tokens"]:
        forget("Consul", lambda token=token: delete_token(consul, token["AccessorID"]))


def _silent(nomad, server):
    """Whether Nomad knows the server, which does not answer any more."""
    status = {m["Name"]: m["Status"] for m in nomad.get("/v1/agent/members")["Members"]}.get(server)
    if status == "alive":
        raise NotYet("it is alive")
    return status is not None


def _peers(api, name):
    """IDs in Raft. To be asked before its agent is forgotten: afterwards they have no name."""
    return [server["ID"] for server in _servers(api) if server["Node"] == name]


def _remove(api, peers):
    for server in _servers(api):
        if server["ID"] in peers:
            api.delete("/v1/operator/raft/peer?id=" + urllib.parse.quote(server["ID"]))


def _servers(api):
    return wait("%s: a leader" % api.title, lambda: raft_voters(api), 30)


def _nodes(nomad, name):
    return nomad.get("/v1/nodes?filter=" + urllib.parse.quote('Name == "%s"' % name)) or []
