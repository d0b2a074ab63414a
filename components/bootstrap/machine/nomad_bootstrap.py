"""Nomad from a first leader to its ACLs and namespaces.

input: {
  "nomad": access,                 # token: the management token that acl bootstrap shall make
  "voters": [names with region], "timeoutSeconds": 60,
  "namespaces": [{"Name", "Description"}]
}
"""

from cluster_api import Api, HttpError, NotYet, raft_voters, wait
from hashistack import Failure


def create(given):
    nomad = Api("nomad", given["nomad"])
    limit = given["timeoutSeconds"]
    wait("Nomad: ACLs bootstrapped", lambda: _bootstrap(nomad, given["nomad"]["token"]), limit)
    wait("Nomad: a leader and %d voters" % len(given["voters"]), lambda: raft_voters(nomad, given["voters"]), limit)
    # A leader may be lost in the middle of it: all of it may be said twice.
    wait("Nomad: its namespaces", lambda: _namespaces(nomad, given["namespaces"]), limit)


def _namespaces(nomad, wanted):
    for namespace in wanted:
        nomad.request("POST", "/v1/namespace", namespace)


def _bootstrap(nomad, secret):
    """Already done is well only if our own token is the one that works."""
    anonymous = nomad.with_token("")
    if not anonymous.get("/v1/status/leader"):
        raise NotYet("no leader")
    try:
        nomad.request("GET", "/v1/acl/token/self")
        return
    except HttpError as error:
        if error.status not in (400, 403, 404):
            raise
    try:
        anonymous.request("POST", "/v1/acl/bootstrap", {"BootstrapSecret": secret})
    except HttpError as error:
        if error.status == 400 and "already done" in error.text:
            raise Failure(
                "Nomad: its ACLs were bootstrapped with another token; "
                "reset them as HashiCorp's docs say, or make new Nomad servers"
            ) from None
        raise
