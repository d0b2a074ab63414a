"""Puts a secret into Vault when the resource goes: what others overwrote meanwhile is as it was before them.

input: {"vault": access, "login": {"path", "roleId", "secretId"}, "path": "certificates/…", "atEnd": {field: text},
  "timeoutSeconds": 60}
"""

from cluster_api import vault_login, wait


def create(given):
    """Nothing yet: what it is about is somebody else's until the end."""


def delete(given):
    vault = wait("Vault: a login", lambda: vault_login(given["vault"], given["login"]), given["timeoutSeconds"])
    vault.request("PUT", "/v1/" + given["path"], given["atEnd"], expect=(200, 204))
