#!/usr/bin/env python3
"""Stands in for ssh: hands what is asked, and how, to the test's cluster, and ends as that says."""

import json
import os
import stat
import sys
import urllib.request

args = sys.argv[1:]
end = args.index("--")
options = dict(args[n + 1].split("=", 1) for n in range(end) if args[n] == "-o")


def read(path):
    with open(path, encoding="utf-8") as file:
        return {"text": file.read(), "mode": stat.S_IMODE(os.stat(path).st_mode)}


asked = {
    "options": options,
    "others": [arg for n, arg in enumerate(args[:end]) if arg != "-o" and args[n - 1] != "-o"],
    "address": args[end + 1],
    "words": args[end + 2 :],
    "key": read(options["IdentityFile"]),
    "knownHosts": read(options["UserKnownHostsFile"]),
    "folderMode": stat.S_IMODE(os.stat(os.path.dirname(options["IdentityFile"])).st_mode),
    "environment": sorted(os.environ),
}
with urllib.request.urlopen(os.environ["FAKE_SSH"], json.dumps(asked).encode()) as answer:
    answer = json.load(answer)
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
sys.exit(answer["status"])
