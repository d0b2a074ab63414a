"""Takes Vault's recovery keys off this machine, once the stack's state has them.

input: {"state": "/var/lib/hashistack"}
"""

import os
from hashistack import Failure


def create(given):
    done = os.path.join(given["state"], "vault-init-done.json")
    answer = os.path.join(given["state"], "vault-init.json")
    if not os.path.exists(answer):
        return
    if not os.path.exists(done):
        raise Failure("Vault's set-up is not done; its answer to init stays")
    with open(answer, "r+b", buffering=0) as file:
        file.write(b"\0" * os.path.getsize(answer))
        os.fsync(file.fileno())
    os.unlink(answer)
