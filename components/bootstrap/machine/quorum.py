"""How Consul, Nomad and Vault tell which of their servers vote, are well, lead, and have caught up.

Each is asked through any of its servers what the leader's autopilot sees, and each server alone what it itself has:
autopilot looks only every few seconds, so a server that went and came back may never have been missed.
"""

from cluster_api import Api, HttpError, NotYet, Unreachable, hand_over, vault_login, wait

HAND_OVER_SECONDS = 60


class Health:
    """voters: {node: whether it is well}, of all that count for the quorum; leader: a node or None."""

    def __init__(self, voters, leader):
        self.voters = voters
        self.leader = leader

    def sick(self, nodes):
        return sorted(node for node in nodes if not self.voters.get(node))


class Service:
    """apis: {node: "host:port"} of the servers that there shall be."""

    def __init__(self, title, apis):
        self.title = title
        self.apis = apis

    def committed_by_others(self, node):
        """How far the cluster has come without this server: it is back when it has come as far."""
        return max([self.position(other)[2] for other in self.apis if other != node], default=0)


class RaftService(Service):
    """Consul or Nomad. `suffix` is what the service appends to a node's name."""

    def __init__(self, service, access, apis, suffix=""):
        super().__init__(service.capitalize(), apis)
        self.api = Api(service, access)
        self.suffix = suffix

    def health(self):
        # 429: somebody is not well
        servers = self.api.call("GET", "/v1/operator/autopilot/health", expect=(200, 429)).body.get("Servers") or []
        leaders = [self._node(server) for server in servers if server["Leader"]]
        if not leaders:
            raise NotYet("no leader")
        voters = {self._node(server): server["Healthy"] for server in servers if server["Voter"]}
        return Health(voters, leaders[0])

    def _node(self, server):
        name = server["Name"] or server["ID"]
        return name[: -len(self.suffix)] if self.suffix and name.endswith(self.suffix) else name

    def position(self, node):
        """(whether it leads or hears the leader, what it has applied, what it knows to be committed)"""
        answer = self.api.at(self.apis[node]).get("/v1/agent/self")
        raft = (answer.get("Stats") or answer.get("stats"))["raft"]
        follows = raft["state"] == "Leader" or (raft["state"] == "Follower" and raft["last_contact"] != "never")
        return follows, int(raft["applied_index"]), int(raft["commit_index"])

    def hand_over(self, node, prefer):
        hand_over(self.api, node + self.suffix, [other + self.suffix for other in prefer])


class VaultService(Service):
    def __init__(self, access, login, apis):
        super().__init__("Vault", apis)
        self.access = access
        self.login = login
        self.anybody = Api("vault", access, token="")
        self.api = None

    def _known(self):
        if self.api is None:
            self.api = vault_login(self.access, self.login)
        return self.api

    def _unsealed(self, node):
        try:
            # 200 active, 429 standby
            answer = self.anybody.at(self.apis[node]).call("GET", "/v1/sys/health", expect=(200, 429, 472, 473, 501, 503))
        except (HttpError, Unreachable):
            return False
        return answer.status in (200, 429)

    def health(self):
        state = self._known().get("/v1/sys/storage/raft/autopilot/state", missing=(404,))
        seen = (state or {}).get("data")
        if not seen or not seen.get("leader"):
            raise NotYet("no leader has looked yet")
        servers = seen["servers"]
        voters = {
            node: servers[node]["healthy"] and (node not in self.apis or self._unsealed(node))
            for node in seen["voters"] or []
        }
        return Health(voters, seen["leader"])

    def position(self, node):
        answer = self.anybody.at(self.apis[node]).get("/v1/sys/leader")
        follows = answer["is_self"] or bool(answer["leader_address"])
        return follows, answer.get("raft_applied_index", 0), answer.get("raft_committed_index", 0)

    def committed_by_others(self, node):
        # What Vault applied survives its restart: only something new shows that it hears the leader. A login is.
        self.api = None
        self._known()
        return super().committed_by_others(node)

    def _leads(self, node):
        return self.anybody.at(self.apis[node]).get("/v1/sys/leader")["is_self"]

    def hand_over(self, node, prefer):
        """Vault chooses the next one itself."""
        del prefer
        if not self._leads(node):
            return
        self._known().at(self.apis[node]).request("PUT", "/v1/sys/step-down", expect=(200, 204))

        def handed_over():
            if not any(self._leads(other) for other in self.apis if other != node):
                raise NotYet("no other leads")

        wait("Vault: another leader than %s" % node, handed_over, HAND_OVER_SECONDS)
