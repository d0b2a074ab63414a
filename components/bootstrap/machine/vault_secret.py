"""Puts a certificate into Vault where a job reads it; one that a public authority signed in its place may stay.

input: {"vault": access, "login": {"path", "roleId", "secretId"}, "path": "certificates/…",
  "data": {"cert", "key"}, "keepPublic": whether such a one stays, "timeoutSeconds": 60}
"""

from cluster_api import vault_login, wait


def create(given):
    path, seconds = "/v1/" + given["path"], given["timeoutSeconds"]
    vault = wait("Vault: a login", lambda: vault_login(given["vault"], given["login"]), seconds)

    def written():
        # Whoever gets public certificates names the directory that gave it.
        shown = vault.get(path, missing=(404,)) if given["keepPublic"] else None
        if not (shown and shown["data"].get("directory")):
            vault.request("PUT", path, given["data"], expect=(200, 204))

    wait("Vault: %s written" % given["path"], written, seconds, final=(403,))
