"""Looks at the arguments and the environment of every process of this host, machines' included, many times a second.

stdin: a line "stop" ends the looking, and is answered by a line; then a line {"secrets": {what: text}} is answered by
{"perSecond": looks, "processes": how many were seen, "arguments": [what is in them], "environments": [the same]}.
A process is looked at each time in its first second, when it may still become another program, and now and then later.
"""

import json
import os
import select
import sys
import time

EVERY = 0.04
YOUNG = 1.0
ROUND = 25  # looks until an old process is looked at again

seen = {"cmdline": set(), "environ": set()}
known = {}  # process to when it was first seen


def look(process):
    for name, texts in seen.items():
        try:
            with open("/proc/%s/%s" % (process, name), "rb") as file:
                texts.add(file.read())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass


def main():
    begin, looks, count = time.monotonic(), 0, 0
    own = str(os.getpid())
    while not select.select([sys.stdin], [], [], 0)[0]:
        now = time.monotonic()
        present = [name for name in os.listdir("/proc") if name.isdigit() and name != own]
        for process in present:
            first = known.get(process)
            if first is None:
                known[process], first = now, now
                count += 1
            if now - first < YOUNG or int(process) % ROUND == looks % ROUND:
                look(process)
        for gone in known.keys() - set(present):
            del known[gone]
        looks += 1
        time.sleep(max(0.0, EVERY - (time.monotonic() - now)))
    rate = round(looks / (time.monotonic() - begin), 1)
    sys.stdin.readline()
    print("stopped", flush=True)
    secrets = json.loads(sys.stdin.readline())["secrets"]
    found = {}
    for name, texts in seen.items():
        together = b"\0\0".join(texts)
        found[name] = sorted(what for what, secret in secrets.items() if secret.encode() in together)
    answer = {"perSecond": rate, "processes": count, "arguments": found["cmdline"], "environments": found["environ"]}
    print(json.dumps(answer), flush=True)


main()
