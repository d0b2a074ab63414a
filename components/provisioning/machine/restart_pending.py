"""All that support's key for restarts can do on a server: sshd runs this, whatever is asked for.

SSH_ORIGINAL_COMMAND is one of "pending" (prints, as JSON, the units that wait for their turn to restart), "restart UNIT"
(one of those, and nothing else), "rejoin vault.service" (starts it without its data, only where it takes itself for
removed from its cluster: that stays on its disk, and it never joins again) and "log UNIT" (its last lines). Ends with 0
done, 1 failed, 2 refused, 3 not waiting.
"""

import http.client
import json
import os
import shutil
import ssl
import sys

import host
from host import Failure, at, is_up, journal, remove_file, run, unit_states

UNITS = ("consul.service", "vault.service", "nomad.service")
VAULT = "vault.service"
VAULT_PORT = 8200
VAULT_CA = "/etc/ssl/vault/ca.pem"
VAULT_DATA = "/var/lib/vault"
STOP_AND_START_SECONDS = 150


def restart(unit):
    # An apply writes the very files that a restart reads.
    with host.lock("apply", 60):
        if unit not in host.Notices().pending():
            print("%s does not wait for a restart" % unit, file=sys.stderr)
            return 3
        bring_up(unit, "restart")
        remove_file("%s/%s" % (host.PENDING, unit))
    return 0


def rejoin():
    """Deletes what Vault has here, which the other servers have too, and starts it: it joins them as a new one does."""
    with host.lock("apply", 60):
        if not takes_itself_for_removed():
            print("%s does not take itself for removed" % VAULT, file=sys.stderr)
            return 3
        run(["systemctl", "stop", "--", VAULT], limit=STOP_AND_START_SECONDS)
        for name in os.listdir(at(VAULT_DATA)):
            path = os.path.join(at(VAULT_DATA), name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        bring_up(VAULT, "start")
    return 0


def bring_up(unit, verb):
    try:
        run(["systemctl", verb, "--", unit], limit=STOP_AND_START_SECONDS)
        state = unit_states([unit])[unit]
        if not is_up(state):
            raise Failure("%s is %s after its %s" % (unit, state.get("ActiveState", "unknown"), verb))
    except Failure as failure:
        raise Failure(str(failure), journal(unit)) from None


def takes_itself_for_removed():
    context = ssl.create_default_context(cafile=at(VAULT_CA))
    connection = http.client.HTTPSConnection("localhost", VAULT_PORT, timeout=10, context=context)
    try:
        connection.request("GET", "/v1/sys/health")
        return bool(json.loads(connection.getresponse().read()).get("removed_from_cluster"))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Failure("%s does not tell of itself: %s" % (VAULT, error)) from None
    finally:
        connection.close()


def main(words):
    if words == ["pending"]:
        print(json.dumps(host.Notices().pending()))
        return 0
    if words == ["rejoin", VAULT]:
        return rejoin()
    if len(words) == 2 and words[1] in UNITS:
        if words[0] == "restart":
            return restart(words[1])
        if words[0] == "log":
            print(journal(words[1]))
            return 0
    print("refused: this key restarts what waits for it, and nothing else", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(os.environ.get("SSH_ORIGINAL_COMMAND", "").split()))
    except Failure as failure:
        sys.exit("%s\n%s" % (failure, failure.log))
