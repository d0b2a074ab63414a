"""Vault's one answer to init, and what must be done with its root token before that is revoked.

input: {
  "vault": access,                     # all servers, without a token; the first one is initialised
  "recoveryShares": 5, "recoveryThreshold": 3,
  "policies": {name: HCL},
  "appRole": {"path": "approle", "role": "pulumi", "roleId", "secretId", "policies": [...], "boundCidrs": [...]},
  "auditFile": "/var/log/vault/audit.log",
  "state": "/var/lib/hashistack", "timeoutSeconds": 120
}

The answer comes once. A unit of its own asks for it, so that no cut session loses it, and has it on the disk, synced,
before anything else is done. All the rest may be cut anywhere and is taken up by the next run. It returns the recovery
keys; vault_init_forget.py takes them off the disk once the stack has them.
"""

import json
import os
import urllib.parse
from cluster_api import Api, HttpError, NotYet, Unreachable, vault_login, wait
from detached import journal, running, start
from hashistack import Failure

UNIT = "hashistack-vault-init"
# The answer is lost if the one who asks does not wait for it.
INIT_SECONDS = 300


def create(given):
    done = _read(given, "vault-init-done.json")
    answer = _read(given, "vault-init.json")
    if answer is None and done is None:
        answer = _ask(given)
    if done is None:
        _set_up(given, answer)
    else:
        vault_login(given["vault"], given["appRole"])
    if answer is None:
        raise Failure(
            "Vault was initialised before and its recovery keys have been taken off this machine; "
            "they are in the state of the stack that did it, and nowhere else"
        )
    return {"recoveryKeys": answer["recoveryKeys"]}


def _ask(given):
    vault = Api("vault", given["vault"], token="")

    def answered():
        answer = _read(given, "vault-init.json")
        if answer is not None:
            return answer
        _refuse_lost(vault, given)
        if not running(UNIT):
            _refuse_lost(vault, given)
            start(UNIT, "initialise", given, INIT_SECONDS + 60)
        raise NotYet(_state_of(vault))

    try:
        return wait("Vault: initialised", answered, given["timeoutSeconds"])
    except Failure as failure:
        raise Failure(str(failure), failure.log or journal(UNIT)) from None


def _refuse_lost(vault, given):
    """Initialised, but by nobody whose answer we have."""
    for address in vault.addresses[:]:
        try:
            state = vault.at(address).get("/v1/sys/init")
        except (HttpError, Unreachable):
            continue
        if not state["initialized"] or running(UNIT) or _read(given, "vault-init.json"):
            continue
        try:
            vault_login(given["vault"], given["appRole"])
        except Failure:
            raise Failure(
                "Vault at %s is initialised, but its answer was lost before it was on this machine's disk. If this "
                "cluster was never in use, on every Vault server stop vault, empty /var/lib/vault and start it again; "
                "then run this once more" % address
            ) from None
        raise Failure(
            "Vault at %s was initialised and set up before; its recovery keys are in the state of the stack that did it"
            % address
        )


def _state_of(vault):
    states = []
    for address in vault.addresses[:]:
        try:
            states.append("%s initialised: %s" % (address, vault.at(address).get("/v1/sys/init")["initialized"]))
        except Failure as failure:
            states.append(str(failure))
    return "; ".join(states)


def initialise(given):
    """In the unit: asks, and has the answer on the disk."""
    vault = Api("vault", given["vault"], token="")
    first = vault.at(vault.addresses[0])
    if wait("Vault: answers", lambda: first.get("/v1/sys/init"), 60)["initialized"]:
        return
    asked = {"recovery_shares": given["recoveryShares"], "recovery_threshold": given["recoveryThreshold"]}
    answer = first.request("PUT", "/v1/sys/init", asked, timeout=INIT_SECONDS)
    _write(
        given,
        "vault-init.json",
        {"recoveryKeys": answer["recovery_keys_base64"], "rootToken": answer["root_token"]},
    )


def _set_up(given, answer):
    seconds = given["timeoutSeconds"]
    if "rootToken" not in answer:  # it was cut between its last two steps
        return _finish(given, answer)
    vault = Api("vault", given["vault"], token=answer["rootToken"])
    wait("Vault: a leader", lambda: _leads(vault), seconds)
    try:
        vault.get("/v1/auth/token/lookup-self")
    except HttpError as error:
        if error.status != 403:
            raise
        vault_login(given["vault"], given["appRole"])  # revoked before the cut: all of it was done
        return _finish(given, answer)

    # Joiners get their vote after this time of being well; gate.py puts it back. Nothing is in Vault yet to be lost.
    body = {"server_stabilization_time": "1s"}
    vault.request("POST", "/v1/sys/storage/raft/autopilot/configuration", body, expect=(200, 204))
    _policies(vault, given["policies"])
    _app_role(vault, given["appRole"])
    _audit(vault, given["auditFile"])
    vault_login(given["vault"], given["appRole"])
    vault.request("POST", "/v1/auth/token/revoke-self", expect=(204,))
    _finish(given, answer)


def _finish(given, answer):
    _write(given, "vault-init.json", {"recoveryKeys": answer["recoveryKeys"]})
    _write(given, "vault-init-done.json", {"done": True})


def _leads(vault):
    answer = vault.call("GET", "/v1/sys/leader", expect=(200, 503))
    if answer.status != 200 or not answer.body.get("leader_address"):
        raise NotYet("no leader (%s)" % answer.text.strip()[:120])


def _policies(vault, policies):
    for name, text in policies.items():
        vault.request("PUT", "/v1/sys/policies/acl/" + _quoted(name), {"policy": text}, expect=(204,))


def _app_role(vault, role):
    if role["path"] + "/" not in vault.get("/v1/sys/auth")["data"]:
        vault.request("POST", "/v1/sys/auth/" + role["path"], {"type": "approle"}, expect=(204,))
    path = "/v1/auth/%s/role/%s" % (role["path"], _quoted(role["role"]))
    body = {
        "token_policies": role["policies"],
        "token_no_default_policy": False,
        "token_bound_cidrs": role["boundCidrs"],
        "secret_id_bound_cidrs": role["boundCidrs"],
        "secret_id_ttl": 0,
        "secret_id_num_uses": 0,
        "token_ttl": "1h",
        "token_max_ttl": "4h",
    }
    vault.request("POST", path, body, expect=(204,))
    vault.request("POST", path + "/role-id", {"role_id": role["roleId"]}, expect=(204,))
    secret = {"secret_id": role["secretId"]}
    known = vault.call("POST", path + "/secret-id/lookup", secret, expect=(200, 204))
    if known.status == 204:
        vault.request("POST", path + "/custom-secret-id", secret)


def _audit(vault, path):
    """Vault answers nobody while it can write to none: a full disk would stop all of it. The journal gives way to others."""
    there = vault.get("/v1/sys/audit")["data"]
    for name, options in (("file", {"file_path": path, "mode": "0600"}), ("journal", {"file_path": "stdout"})):
        if name + "/" not in there:
            vault.request("POST", "/v1/sys/audit/" + name, {"type": "file", "options": options}, expect=(204,))


def _quoted(text):
    return urllib.parse.quote(text, safe="")


def _read(given, name):
    try:
        with open(os.path.join(given["state"], name)) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def _write(given, name, value):
    """Root's alone, and on the disk when this returns."""
    path = os.path.join(given["state"], name)
    os.makedirs(given["state"], exist_ok=True)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)
    folder = os.open(given["state"], os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
