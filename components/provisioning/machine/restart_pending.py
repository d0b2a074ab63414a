"""All that support's key for restarts can do on a server: sshd runs this, whatever is asked for.

SSH_ORIGINAL_COMMAND is one of "pending" (prints, as JSON, the units that wait for their turn to restart), "restart UNIT"
(one of those, and nothing else) and "log UNIT" (its last lines). Ends with 0 done, 1 failed, 2 refused, 3 not waiting.
"""

import json
import os
import sys

import host
from host import Failure, is_up, journal, remove_file, run, unit_states

UNITS = ("consul.service", "vault.service", "nomad.service")
STOP_AND_START_SECONDS = 150


def restart(unit):
    # An apply writes the very files that a restart reads.
    with host.lock("apply", 60):
        if unit not in host.Notices().pending():
            print("%s does not wait for a restart" % unit, file=sys.stderr)
            return 3
        try:
            run(["systemctl", "restart", "--", unit], limit=STOP_AND_START_SECONDS)
            state = unit_states([unit])[unit]
            if not is_up(state):
                raise Failure("%s is %s after its restart" % (unit, state.get("ActiveState", "unknown")))
        except Failure as failure:
            raise Failure(str(failure), journal(unit))
        remove_file("%s/%s" % (host.PENDING, unit))
    return 0


def main(words):
    if words == ["pending"]:
        print(json.dumps(host.Notices().pending()))
        return 0
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
