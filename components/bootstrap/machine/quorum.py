"""How Consul, Nomad and Vault tell which of their servers vote, are well, lead, and have caught up.

Each is asked through any of its servers what the leader's autopilot sees, and each server alone what it itself sees and
has. Autopilot alone would not do: it looks only every few seconds, so a server that went and came back may never have been
missed, and of one that it cannot ask it keeps the last good answer (Consul until the server trails by 250 entries).
"""

import contextlib
from cluster_api import Api, HttpError, NotYet, Unreachable, hand_over, vault_login, wait

HAND_OVER_SECONDS = 60
# All that Vault's health may answer with.
VAULT_HEALTH = (200, 429, 472, 473, 501, 503, 530)


class Health:
    """voters: {node: whether it is well}, of all that count for the quorum; leader: a node."""

    def __init__(self, voters, leader):
        self.voters = voters
        self.leader = leader


class Place:
    """follows: whether the server leads or hears the leader; applied, committed: indexes of its log."""

    def __init__(self, follows, applied, committed):
        self.follows = follows
        self.applied = applied
        self.committed = committed


class Service:
    """apis: {node: "host:port"} of the servers that there shall be."""

    def __init__(self, title, apis):
        self.title = title
        self.apis = apis

    def committed(self):
        """How far the service has come, as far as any of its servers knows."""
        known = []
        for node in self.apis:
            with contextlib.suppress(NotYet):
                known.append(self.place(node).committed)
        if not known:
            raise NotYet("no server answers")
        return max(known)

    def place(self, node):
        """Where a server is, in its own words. To be used in wait()."""
        try:
            return self.ask_place(node)
        except (HttpError, Unreachable) as error:
            raise NotYet(str(error)) from None

    def anywhere(self, ask):
        """The answer of the first server that has one: one that hears no leader answers with an error."""
        failure = NotYet("there is no server")
        for address in self.apis.values():
            try:
                return ask(address)
            except Unreachable as error:
                failure = error
            except HttpError as error:
                if error.status < 500:
                    raise
                failure = error
        raise failure

    def sick(self, nodes):
        """Those that are no healthy voters, or do not hear the leader."""
        health = self.health()
        return sorted(node for node in nodes if not health.voters.get(node))


class RaftService(Service):
    """Consul or Nomad. `suffix` is what the service appends to a node's name."""

    def __init__(self, service, access, apis, suffix=""):
        super().__init__(service.capitalize(), apis)
        self.api = Api(service, access)
        self.suffix = suffix

    def health(self):
        # 429: somebody is not well
        path = "/v1/operator/autopilot/health"
        answer = self.anywhere(lambda address: self.api.at(address).call("GET", path, expect=(200, 429)))
        servers = answer.body.get("Servers") or []
        leaders = [self._node(server) for server in servers if server["Leader"]]
        if not leaders:
            raise NotYet("no leader")
        voters = {self._node(server): server["Healthy"] for server in servers if server["Voter"]}
        return Health({node: well and self._hears(node) for node, well in voters.items()}, leaders[0])

    def _hears(self, node):
        if node not in self.apis:
            return True  # one that leaves; only autopilot tells of it
        try:
            return self.place(node).follows
        except NotYet:
            return False

    def _node(self, server):
        name = server["Name"] or server["ID"]
        return name[: -len(self.suffix)] if self.suffix and name.endswith(self.suffix) else name

    def ask_place(self, node):
        answer = self.api.at(self.apis[node]).get("/v1/agent/self")
        raft = (answer.get("Stats") or answer.get("stats"))["raft"]
        follows = raft["state"] == "Leader" or (raft["state"] == "Follower" and raft["last_contact"] != "never")
        return Place(follows, int(raft["applied_index"]), int(raft["commit_index"]))

    def hand_over(self, node, prefer):
        if wait("%s: a leader" % self.title, self.health, HAND_OVER_SECONDS).leader != node:
            return
        hand_over(self.api.at(self.apis[node]), node + self.suffix, [other + self.suffix for other in prefer])


class VaultService(Service):
    def __init__(self, access, login, apis):
        super().__init__("Vault", apis)
        self.access = access
        self.login = login
        self.anybody = Api("vault", access, token="")
        self.api = None

    def _known(self):
        if self.api is None:
            self.api = self.anywhere(lambda address: vault_login(dict(self.access, addresses=[address]), self.login))
        return self.api

    def _autopilot(self, address):
        return self._known().at(address).get("/v1/sys/storage/raft/autopilot/state", missing=(404,))

    def _look(self, node):
        return self.anybody.at(self.apis[node]).call("GET", "/v1/sys/health", expect=VAULT_HEALTH)

    def _unsealed(self, node):
        try:
            status = self._look(node).status
        except (HttpError, Unreachable):
            return False
        # 200 active, 429 standby, 530 one that takes itself for removed: it votes all the same
        return status in (200, 429, 530)

    def removed(self, node):
        """Whether the server takes itself for removed from its cluster. To be used in wait().

        A joiner that is slow to read the leader's log comes upon a configuration older than itself, takes that for its
        removal, and keeps this on its disk, though it votes: https://github.com/hashicorp/vault/issues/32099
        """
        return bool(self._look(node).body.get("removed_from_cluster"))

    def health(self):
        self._known()
        seen = (self.anywhere(self._autopilot) or {}).get("data")
        if not seen or not seen.get("leader"):
            raise NotYet("no leader has looked yet")
        servers = seen["servers"]
        voters = {
            node: servers[node]["healthy"] and (node not in self.apis or self._unsealed(node))
            for node in seen["voters"] or []
        }
        return Health(voters, seen["leader"])

    def ask_place(self, node):
        answer = self.anybody.at(self.apis[node]).get("/v1/sys/leader")
        follows = answer["is_self"] or bool(answer["leader_address"])
        return Place(follows, answer.get("raft_applied_index", 0), answer.get("raft_committed_index", 0))

    def committed(self):
        # What Vault applied survives its restart: only something new shows that a server hears the leader. A login is.
        self.api = None
        self._known()
        return super().committed()

    def _leads(self, node):
        try:
            return self.anybody.at(self.apis[node]).get("/v1/sys/leader")["is_self"]
        except (HttpError, Unreachable):
            return False  # sealed, for one

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
