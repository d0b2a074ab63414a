"""Consul from a first leader to its tokens. Also used for one machine's own objects.

input: {
  "consul": access,                # token: a management token
  "voters": [names], "timeoutSeconds": 60,
  "objects": {"policies": [...], "roles": [...], "tokens": [...], "authMethods": [...], "bindingRules": [...],
              "catalog": [...], "keys": [{"key", "value"}]},
  "agents": [{"node", "address", "token"}]   # servers, whose agents ran before their tokens were there
}
Objects are as Consul's API takes them; what exists under the same name (a token: under the same accessor) is brought
to what is asked for. Of the auth methods that "bindingRules" name, all other rules are deleted; nothing else is touched.
"""

import base64
import urllib.parse
from cluster_api import Api, HttpError, raft_voters, wait
from hashistack import Failure


def create(given):
    consul = Api("consul", given["consul"])
    wait(
        "Consul: a leader and %d voters" % len(given["voters"]),
        lambda: raft_voters(consul, given["voters"]),
        given["timeoutSeconds"],
    )
    # A leader may be lost in the middle of it: all of it may be said twice.
    wait("Consul: its objects", lambda: put_objects(consul, given["objects"]), given["timeoutSeconds"])
    for agent in given.get("agents", []):
        _try_again(consul, agent)


def _try_again(consul, agent):
    """An agent that was refused tries again only after 15 to 30 s, unless its token changes."""
    seen = consul.get("/v1/catalog/node/" + urllib.parse.quote(agent["node"], safe="")) or {}
    if (seen.get("Node") or {}).get("TaggedAddresses"):
        return
    its = consul.at(agent["address"])
    its.put("/v1/agent/token/agent", {"Token": ""})
    its.put("/v1/agent/token/agent", {"Token": agent["token"]})


def put_objects(consul, objects):
    _put_named(consul, "/v1/acl/policy", "/v1/acl/policies", objects.get("policies", []))
    _put_named(consul, "/v1/acl/role", "/v1/acl/roles", objects.get("roles", []))
    for token in objects.get("tokens", []):
        put_token(consul, token)
    for method in objects.get("authMethods", []):
        # Consul fetches the method's keys first, from a name that it may have to learn.
        _put_method(consul, method)
    _put_binding_rules(consul, objects.get("bindingRules", []))
    for entry in objects.get("catalog", []):
        consul.put("/v1/catalog/register", entry)
    for item in objects.get("keys", []):
        value = base64.b64encode(item["value"].encode()).decode()
        consul.put("/v1/txn", [{"KV": {"Verb": "set", "Key": item["key"], "Value": value}}])


def _put_method(consul, method):
    path = "/v1/acl/auth-method/" + urllib.parse.quote(method["Name"], safe="")
    consul.put(path if consul.get(path, missing=(403, 404)) else "/v1/acl/auth-method", method)


def _put_named(consul, one, several, wanted):
    if not wanted:
        return
    present = {item["Name"]: item["ID"] for item in consul.get(several) or []}
    for item in wanted:
        identity = present.get(item["Name"])
        consul.put("%s/%s" % (one, identity) if identity else one, item)


def put_token(consul, token):
    try:
        consul.put("/v1/acl/token", token)
        return
    except HttpError as error:
        if "already in use" not in error.text:
            raise
    try:
        consul.put("/v1/acl/token/" + token["AccessorID"], token)
    except HttpError as error:
        if "SecretID" not in error.text and "Cannot find token" not in error.text:
            raise
        raise Failure(
            "Consul: the token %s (%s) is there with another secret or accessor; delete it first"
            % (token["AccessorID"], token.get("Description", ""))
        ) from None


def delete_token(consul, accessor):
    consul.delete("/v1/acl/token/" + accessor)


def _put_binding_rules(consul, wanted):
    """A rule has no name: its method, kind and target are its identity."""

    def key(rule):
        return (rule["AuthMethod"], rule["BindType"], rule["BindName"], rule.get("Selector", ""))

    if not wanted:
        return
    methods = sorted({rule["AuthMethod"] for rule in wanted})
    present = {}
    for method in methods:
        for rule in consul.get("/v1/acl/binding-rules?authmethod=" + urllib.parse.quote(method, safe="")) or []:
            present[key(rule)] = rule["ID"]
    asked = {key(rule) for rule in wanted}
    for rule in wanted:
        if key(rule) not in present:
            consul.put("/v1/acl/binding-rule", rule)
    for rule, identity in present.items():
        if rule not in asked:
            consul.delete("/v1/acl/binding-rule/" + identity)
