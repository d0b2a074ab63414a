"""Makes the unsealer on support ready: initialised, unsealed, with the stack's own transit key and tokens.

Installed on support, where unsealer-setup.service runs it after each start of the unsealer. Everything that it makes
follows from its file, so an unsealer lost is an unsealer made again, and Vault's servers do not see the difference.

Its file: {
  "address": "127.0.0.1:8210", "serverName", "caFile",
  "state": folder of the unseal key and of what was done, "data": the unsealer's storage, "unit": its unit,
  "lingerSeconds": how long the token of a server that leaves lives on, "again": argv that runs all this again after them,
  "keyName": "autounseal", "transitKey": 32 bytes in base64, "tokens": {node: token}
}
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from cluster_api import Api, Failure, NotYet, wait

# Longer than a machine may be switched off; each use of a token renews it.
PERIOD = "8760h"
LEASE = "87600h"
# How often tokens are made that do not last, before it is called a failure.
ROUNDS = 10


def main(path):
    with open(path) as file:
        text = file.read()
    given = json.loads(text)
    with open(given["caFile"]) as file:
        access = {"addresses": [given["address"]], "caPem": file.read(), "serverName": given["serverName"]}
    vault = Api("vault", access, token="")
    root = unseal(vault, given)
    done = read_json(given, "done.json") or {}
    sum_of_all = hashlib.sha256(text.encode()).hexdigest()
    leaving = done.get("leaving", {})
    if done.get("file") == sum_of_all and not due(leaving):
        if leaving:
            run_again(given)
        return
    vault = vault.with_token(root or generate_root(vault, read_json(given, "unseal.json")["key"]))
    try:
        key_sum = import_key(vault, given, done.get("key"))
        accessors = put_tokens(vault, given)
        left = revoke_due(vault, given, {**leaving, **newly_leaving(given, done.get("tokens", {}), accessors)})
    finally:
        vault.request("POST", "/v1/auth/token/revoke-self", expect=(204,))
    write_json(given, "done.json", {"file": sum_of_all, "key": key_sum, "tokens": accessors, "leaving": left})
    if left:
        run_again(given)


def unseal(vault, given):
    """Initialised and unsealed, with a leader. The root token, if it was just made."""
    state = wait("unsealer: answers", lambda: vault.get("/v1/sys/seal-status"), 60)
    root = None
    if not state["initialized"]:
        answer = vault.request("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1}, timeout=120)
        write_json(given, "unseal.json", {"key": answer["keys_base64"][0]})
        root = answer["root_token"]
    key = read_json(given, "unseal.json")
    if key is None:
        # The answer to init was lost, and with it nothing that is not made again.
        shutil.rmtree(given["data"] + "/raft", ignore_errors=True)
        for name in ("vault.db", "done.json"):
            for folder in (given["data"], given["state"]):
                if os.path.exists(os.path.join(folder, name)):
                    os.unlink(os.path.join(folder, name))
        subprocess.run(["systemctl", "restart", "--no-block", given["unit"]], stdin=subprocess.DEVNULL)
        raise Failure("the unsealer's key was lost; it begins anew")
    if vault.get("/v1/sys/seal-status")["sealed"]:
        vault.request("PUT", "/v1/sys/unseal", {"key": key["key"]}, timeout=60)

    def active():
        answer = vault.call("GET", "/v1/sys/health", expect=(200, 429, 501, 503))
        if answer.status != 200:
            raise NotYet("its health is %d" % answer.status)

    wait("unsealer: unsealed, with a leader", active, 60)
    return root


def generate_root(vault, key):
    """A root token for a moment, from the unseal key: none lies anywhere between two runs."""
    path = "/v1/sys/generate-root/"
    vault.request("DELETE", path + "attempt", expect=(200, 204))
    attempt = vault.request("PUT", path + "attempt", {})
    update = vault.request("PUT", path + "update", {"nonce": attempt["nonce"], "key": key})
    encoded = update["encoded_token"]
    token = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return bytes(a ^ b for a, b in zip(token, attempt["otp"].encode())).decode()


def import_key(vault, given, before):
    """The transit key is the stack's own, never one that Vault thought of. Its fingerprint."""
    fingerprint = hashlib.sha256(given["transitKey"].encode()).hexdigest()
    if "transit/" not in vault.get("/v1/sys/mounts")["data"]:
        vault.request("POST", "/v1/sys/mounts/transit", {"type": "transit"}, expect=(204,))
    if vault.get("/v1/transit/keys/" + given["keyName"], missing=(404,)) is None:
        _import(vault, given)
    elif before not in (None, fingerprint):
        raise Failure("the unsealer holds another transit key than this stack's; Vault's storage is sealed by it")
    vault.request(
        "PUT",
        "/v1/sys/policies/acl/autounseal",
        {
            "policy": "".join(
                'path "%s" { capabilities = ["update"] }\n' % path
                for path in (
                    "transit/encrypt/" + given["keyName"],
                    "transit/decrypt/" + given["keyName"],
                    # Without this Vault renews nothing, says nothing, and is locked out when the period ends.
                    "auth/token/renew-self",
                )
            )
        },
        expect=(204,),
    )
    vault.request("POST", "/v1/sys/auth/token/tune", {"max_lease_ttl": LEASE}, expect=(204,))
    return fingerprint


def _import(vault, given):
    """Vault's own program wraps the key for the way; the token reaches it by the file where it looks for one."""
    home = tempfile.mkdtemp(prefix="unsealer-", dir="/dev/shm")
    try:
        for name, content in ((".vault-token", vault.token), ("key", given["transitKey"])):
            descriptor = os.open(os.path.join(home, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(content)
        done = subprocess.run(
            [
                given.get("program", "/usr/local/bin/vault"),
                "transit",
                "import",
                "transit/keys/" + given["keyName"],
                "@" + os.path.join(home, "key"),
                "type=aes256-gcm96",
            ],
            env={
                "HOME": home,
                "VAULT_ADDR": "https://" + given["address"],
                "VAULT_CACERT": given["caFile"],
                "VAULT_TLS_SERVER_NAME": given["serverName"],
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        shutil.rmtree(home)
    if done.returncode != 0:
        raise Failure("the transit key could not be imported", done.stderr)


def newly_leaving(given, before, now):
    """{accessor: when to revoke it} of servers that were there before. A leader that leaves seals for its successor: without its
    token nobody could join it."""
    return {accessor: time.time() + given["lingerSeconds"] for accessor in set(before.values()) - set(now.values())}


def due(leaving):
    return [accessor for accessor, when in leaving.items() if when <= time.time()]


def revoke_due(vault, given, leaving):
    """What is left."""
    for accessor in due(leaving):
        vault.request("POST", "/v1/auth/token/revoke-accessor", {"accessor": accessor}, expect=(204, 400, 403, 404))
        del leaving[accessor]
    return leaving


def run_again(given):
    subprocess.run(given["again"], stdin=subprocess.DEVNULL, check=True, timeout=30)


def put_tokens(vault, given):
    """Each Vault server's own token. {node: accessor}.

    A server may ask by its token while that is being made. Vault then finds a token without a lease, and revokes it
    (lookupInternal in vault/token_store.go): made are only those that are still there when such requests have ended.
    """
    for _ in range(ROUNDS):
        accessors, new = _look_or_make(vault, given["tokens"])
        if not new:
            break
        _let_requests_end(vault)
    else:
        raise Failure("the unsealer revoked tokens as soon as they were made: %s" % ", ".join(new))
    return accessors


def _look_or_make(vault, tokens):
    """({node: accessor}, [node whose token was made])"""
    accessors, new = {}, []
    for node, token in sorted(tokens.items()):
        known = vault.call("POST", "/v1/auth/token/lookup", {"token": token}, expect=(200, 403))
        if known.status == 200:
            accessors[node] = known.body["data"]["accessor"]
            continue
        body = {
            "id": token,
            "display_name": node,
            "policies": ["autounseal"],
            "no_default_policy": True,
            "period": PERIOD,
            "renewable": True,
        }
        answer = vault.request("POST", "/v1/auth/token/create-orphan", body)
        accessors[node] = answer["auth"]["accessor"]
        new.append(node)
    return accessors, new


def _let_requests_end(vault):
    path = "/v1/sys/in-flight-req"
    of_now = set(vault.get(path))

    def ended():
        left = of_now & set(vault.get(path))
        if left:
            raise NotYet("%d are under way" % len(left))

    wait("unsealer: requests of before have ended", ended, 60)


def read_json(given, name):
    try:
        with open(os.path.join(given["state"], name)) as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def write_json(given, name, value):
    """Root's alone, and on the disk before anything else is done."""
    path = os.path.join(given["state"], name)
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


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Failure as failure:
        sys.exit("%s\n%s" % (failure, failure.log))
