"""Puts something else into support's artifact store under a name.

input: {"name": file, "content": text or absent}. Answers {"was": the text before}.
"""

import glob
import json
import sys

given = bundle["input"]  # noqa: F821 - read by the one-line entry
(path,) = glob.glob("/srv/artifacts/*/" + given["name"])
with open(path, "r+", encoding="utf-8") as file:
    was = file.read()
    file.seek(0)
    file.write(given.get("content", was + "<!-- changed on the way -->"))
    file.truncate()
json.dump({"was": was}, sys.stdout)
