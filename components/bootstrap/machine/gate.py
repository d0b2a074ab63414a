"""Waits for what the next step stands on.

input: any of {
  "timeoutSeconds": 60,
  "nomad": access, "nodes": [names],       # Nomad clients: ready and eligible
  "attributes": ["vault.version", ...]     # that each of these has found out about its surroundings
  "vault": access, "vaultVoters": [names], "vaultLogin": {"path", "roleId", "secretId"}
  "vaultKeys": {"url", "caPem"}, "vaultLogin": …         # Vault's active server reads the keys of identities there
  "consul": access, "services": [{"name", "passing": n}]
  "sites": [{"name": "edge-a", "address": "host:port", "domain", "caPem",
             "status": 200}]                     # each answers as it does to a visitor; default 200
}
"""

import contextlib

from cluster_api import Api, Failure, NotYet, Unreachable, passing, vault_login, wait


def create(given):
    seconds = given["timeoutSeconds"]
    if given.get("vaultVoters"):
        vault = wait("Vault: a login", lambda: vault_login(given["vault"], given["vaultLogin"]), seconds)
        wait("Vault: %d voters" % len(given["vaultVoters"]), lambda: vault_voters(vault, given["vaultVoters"]), seconds)
        # At the beginning a joiner's vote comes sooner; from now on it has to prove itself.
        body = {"server_stabilization_time": "10s"}
        vault.request("POST", "/v1/sys/storage/raft/autopilot/configuration", body, expect=(200, 204))
    if given.get("vaultKeys"):
        vault = wait("Vault: a login", lambda: vault_login(given["vault"], given["vaultLogin"]), seconds)
        await_keys(vault, given["vaultKeys"], seconds)
    if given.get("nodes"):
        nomad = Api("nomad", given["nomad"])
        wanted = given.get("attributes", [])
        wait("Nomad: nodes ready", lambda: nodes_ready(nomad, given["nodes"], wanted), seconds)
    for service in given.get("services", []):
        consul = Api("consul", given["consul"])
        what = "Consul: %s passing %d times" % (service["name"], service["passing"])
        wait(what, lambda: passing(consul, service), seconds)
    if given.get("sites"):
        wait("the site", lambda: sites_answer(given["sites"]), seconds)


def sites_answer(sites):
    for site in sites:
        access = dict(site, addresses=[site["address"]], serverName=site["domain"])
        try:
            answer = Api("site", access).call("GET", "/", expect=range(100, 600), headers={"Host": site["domain"]})
        except Unreachable as error:
            raise NotYet("%s: %s" % (site["name"], error)) from None
        if answer.status != site.get("status", 200):
            raise NotYet("%s answers https://%s/ with %d" % (site["name"], site["domain"], answer.status))


PROBE = "/v1/%s/hashistack-probe"


def await_keys(vault, keys, seconds):
    """Vault fetches keys when it is told of them, and refuses a place where it finds none: by then it is too late to wait.

    So it is told of them on a mount of its own, until it is content. It asks by the name and on the way that it will go by,
    which nobody else can do for it: whoever leads it has name servers and an agent of Consul of its own.
    """
    # A cut run may have left it.
    vault.delete(PROBE % "sys/auth")
    mount = {"type": "jwt", "description": "Tries whether keys of workload identities can be read"}
    vault.request("POST", PROBE % "sys/auth", mount, expect=(200, 204))
    try:
        wait("Vault: reads %s" % keys["url"], lambda: reads_keys(vault, keys), seconds)
    except Failure:
        with contextlib.suppress(Failure):
            vault.delete(PROBE % "sys/auth")
        raise
    vault.delete(PROBE % "sys/auth")


def reads_keys(vault, keys):
    config = {"jwks_url": keys["url"], "jwks_ca_pem": keys["caPem"]}
    # Its own request to that place has a limit of its own.
    answer = vault.call("POST", PROBE % "auth" + "/config", config, expect=(200, 204, 400), timeout=30)
    if answer.status == 400:
        raise NotYet("; ".join((answer.body or {}).get("errors") or ["no reason given"]))


def vault_voters(vault, wanted):
    servers = vault.get("/v1/sys/storage/raft/configuration")["data"]["config"]["servers"]
    missing = sorted(set(wanted) - {s["node_id"] for s in servers if s["voter"]})
    leaving = [s["node_id"] for s in servers if s.get("leader") and s["node_id"] not in wanted]
    if missing and leaving:
        # Its successor's machine does not let it in any more, and who leads must reach whoever joins.
        vault.request("PUT", "/v1/sys/step-down", expect=(200, 204))
        raise NotYet("%s was told to let another lead" % leaving[0])
    if missing:
        raise NotYet("not voting: %s" % ", ".join(missing))


def nodes_ready(nomad, names, attributes=()):
    seen, ready = {}, {}
    for node in nomad.get("/v1/nodes") or []:
        if node["Status"] == "ready" and node["SchedulingEligibility"] == "eligible":
            ready[node["Name"]] = node["ID"]
        seen[node["Name"]] = node["Status"]
    missing = ["%s is %s" % (name, seen.get(name, "unknown")) for name in names if name not in ready]
    for name in names:
        if name in ready and attributes:
            known = nomad.get("/v1/node/" + ready[name])["Attributes"]
            missing += ["%s does not know %s" % (name, wanted) for wanted in attributes if wanted not in known]
    if missing:
        raise NotYet("%d of %d ready; %s" % (len(ready.keys() & set(names)), len(names), ", ".join(missing)))
