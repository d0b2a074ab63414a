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
    roles = given["roles"]
    if "nomad-client" in roles:
        drain(Api("nomad", given["nomad"]), given["node"], given["drainSeconds"])
    if "vault-server" in roles and given.get("vault"):
        leave_vault(given)
    if "consul-server" in roles:
        give_up(Api("consul", given["consul"]), given["node"])
    if "nomad-server" in roles:
        give_up(Api("nomad", given["nomad"]), "%s.%s" % (given["node"], given["region"]))
    start("hashistack-farewell-" + given["node"], "farewell", given, given["farewellSeconds"] + 60)


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


def leave_vault(given):
    vault = vault_login(given["vault"], given["vaultLogin"])
    node = given["node"]
    configuration = vault.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]
    if node not in [server["node_id"] for server in configuration]:
        return
    others = [s for s in configuration if s["voter"] and s["node_id"] != node]
    if len(others) < 2:
        raise Failure("Vault: %s cannot leave, only %d other voter would remain" % (node, len(others)))
    vault.request("POST", "/v1/sys/storage/raft/remove-peer", {"server_id": node}, expect=(200, 204))


def give_up(api, name):
    """A leader that is about to go hands over, rather than be missed."""
    servers = raft_voters(api, 1)
    mine = [s for s in servers if s["Node"] == name]
    others = [s for s in servers if s["Voter"] and s["Node"] != name]
    if not mine:
        return
    if len(others) < 2:
        raise Failure("%s: %s cannot leave, only %d other voter would remain" % (api.title, name, len(others)))
    hand_over(api, name)


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
    if any(m["Name"] == node for m in consul.get("/v1/agent/members") or []):
        consul.put("/v1/agent/force-leave/%s?prune=1" % quoted)
    _remove_peer(consul, node)

    for server in nomad.get("/v1/agent/members")["Members"]:
        if server["Name"] == "%s.%s" % (node, given["region"]):
            nomad.put("/v1/agent/force-leave?prune=true&node=" + urllib.parse.quote(server["Name"], safe=""))
    _remove_peer(nomad, "%s.%s" % (node, given["region"]))
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


def _remove_peer(api, name):
    for server in raft_voters(api, 1):
        if server["Node"] == name:
            api.delete("/v1/operator/raft/peer?id=" + urllib.parse.quote(server["ID"]))


def _nodes(nomad, name):
    return nomad.get("/v1/nodes?filter=" + urllib.parse.quote('Name == "%s"' % name)) or []
