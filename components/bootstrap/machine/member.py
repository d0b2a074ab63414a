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

import urllib.parse
from cluster_api import Api, NotYet, hand_over, raft_voters, vault_login, wait
from consul_bootstrap import delete_token, put_token
from detached import start
from hashistack import Failure

ALIVE = 1
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
        quorums.append(RaftQuorum(Api("consul", given["consul"]), node, seconds))
    if "nomad-server" in roles:
        quorums.append(RaftQuorum(Api("nomad", given["nomad"]), "%s.%s" % (node, given["region"]), seconds))
    for quorum in quorums:  # all of them, before it leaves the first
        quorum.check()
    if "nomad-client" in roles:
        drain(Api("nomad", given["nomad"]), node, given["drainSeconds"])
    for quorum in quorums:
        quorum.leave()
    start("hashistack-farewell-" + node, "farewell", given, given["farewellSeconds"] + 60)


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
    def __init__(self, given):
        self.node = given["node"]
        self.seconds = given["timeoutSeconds"]
        self.api = vault_login(given["vault"], given["vaultLogin"])

    def looked(self):
        seen = (self.api.get("/v1/sys/storage/raft/autopilot/state", missing=(404,)) or {}).get("data")
        if not seen:
            raise NotYet("no leader has looked yet")
        return seen

    def servers(self):
        return self.api.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]

    def mine(self):
        return [s for s in self.servers() if s["node_id"] == self.node]

    def check(self):
        if not self.mine():
            return
        seen = wait("Vault: how its servers are", self.looked, self.seconds)
        well = {node: seen["servers"][node]["healthy"] for node in seen["voters"] or [] if node != self.node}
        _spared("Vault", self.node, well)

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
    """Consul or Nomad, and the name by which it knows the machine. A living agent would come back: it only hands over."""

    def __init__(self, api, name, seconds):
        self.api = api
        self.name = name
        self.seconds = seconds

    def looked(self):
        # 429: somebody is not well
        seen = self.api.call("GET", "/v1/operator/autopilot/health", expect=(200, 429)).body["Servers"]
        if not seen:
            raise NotYet("no leader has looked yet")
        return seen

    def check(self):
        if not any(server["Node"] == self.name for server in _servers(self.api)):
            return
        seen = wait("%s: how its servers are" % self.api.title, self.looked, self.seconds)
        well = {s["Name"]: s["Healthy"] for s in seen if s["Voter"] and s["Name"] != self.name}
        _spared(self.api.title, self.name, well)

    def leave(self):
        hand_over(self.api, self.name)


def _spared(title, name, well):
    """Whether the others are a quorum without it. well: {other voter: whether it is well}"""
    if sum(well.values()) * 2 <= len(well):
        sick = sorted(other for other in well if not well[other])
        words = "not well: %s" % ", ".join(sick) if sick else "there is no other"
        raise Failure("%s: %s cannot leave: the other voters are no quorum (%s)" % (title, name, words))


def farewell(given):
    """Waits until the machine is silent, then forgets it."""
    node, seconds = given["node"], given["farewellSeconds"]
    consul, nomad = Api("consul", given["consul"]), Api("nomad", given["nomad"])

    def silent():
        alive = [m["Name"] for m in consul.get("/v1/agent/members") or [] if m["Name"] == node and m["Status"] == ALIVE]
        if alive:
            raise NotYet("it is alive")

    wait("Consul: %s is silent" % node, silent, seconds)
    quoted = urllib.parse.quote(node, safe="")
    peers = _peers(consul, node)
    if any(m["Name"] == node for m in consul.get("/v1/agent/members") or []):
        consul.put("/v1/agent/force-leave/%s?prune=1" % quoted)
    _remove(consul, peers)

    server = "%s.%s" % (node, given["region"])
    peers = _peers(nomad, server)
    # Whom the asked server still takes for alive it does not forget.
    if wait("Nomad: server %s is silent" % node, lambda: _silent(nomad, server), seconds):
        nomad.put("/v1/agent/force-leave?prune=true&node=" + urllib.parse.quote(server, safe=""))
    _remove(nomad, peers)
    for known in _nodes(nomad, node):
        path = "/v1/node/" + known["ID"]

        def down():
            state = nomad.get(path, missing=(404,))
            if state and state["Status"] not in ("down", "disconnected"):
                raise NotYet("its status is %s" % state["Status"])

        wait("Nomad: %s is down" % node, down, seconds)
        nomad.put(path + "/purge", expect=(200, 404))
    for token in given["tokens"]:
        delete_token(consul, token["AccessorID"])


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
