"""Puts an artifact into support's store, under the SHA-256 of its content: what is fetched is what was meant."""

import base64
import contextlib
import hashlib
import os
import shutil
import stat
import tempfile

from hashistack import Failure

STORE = "/srv/artifacts"


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()


def wanted(input):
    """The SHA-256 that it shall have: of the content, or what the image's record says of the program."""
    if "content" in input:
        return hashlib.sha256(base64.b64decode(input["content"])).hexdigest()
    source = image_file(input["program"])
    words = []
    with contextlib.suppress(FileNotFoundError), open(source + ".sha256", encoding="ascii") as file:
        words = file.read().split()
    if not words or not os.path.exists(source):
        program = input["program"]
        raise Failure("%s %s is not on this machine (%s)" % (program["name"], program["version"], source))
    return words[0]


def image_file(program):
    return "/opt/hashistack/bin/%s-%s" % (program["name"], program["version"])


def check(input):
    """What create would change, in the words of apply.py's check."""
    sha256 = wanted(input)
    path = os.path.join(STORE, sha256, input["name"])
    wrong = None
    if not os.path.isfile(path):
        wrong = "it is missing"
    elif digest(path) != sha256:
        wrong = "its content was changed"
    elif stat.S_IMODE(os.stat(path).st_mode) != 0o644 or stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) != 0o755:
        wrong = "not everybody may read it, or somebody else may write it"
    drift = [{"phase": "artifacts", "what": "artifact " + input["name"], "why": wrong, "heals": True}] if wrong else []
    return {"drift": drift, "pending": []}


def repair(input):
    drift = check(input)["drift"]
    if drift:
        create(input)
    return {"changed": [found["what"] for found in drift], "pending": []}


def create(input):
    """input: {name, content (base64) | program: {name, version}}; answers {path, sha256}."""
    name, sha256 = input["name"], wanted(input)
    handle, staged = tempfile.mkstemp(dir=STORE)
    try:
        with os.fdopen(handle, "wb") as out:
            if "content" in input:
                out.write(base64.b64decode(input["content"]))
            else:
                with open(image_file(input["program"]), "rb") as file:
                    shutil.copyfileobj(file, out)
            out.flush()
            os.fsync(out.fileno())
        if digest(staged) != sha256:
            program = input["program"]
            words = "%s %s is not the program that the image's record names (%s)"
            raise Failure(words % (program["name"], program["version"], image_file(program)))
        folder = os.path.join(STORE, sha256)
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        os.chmod(staged, 0o644)
        os.replace(staged, os.path.join(folder, name))
    except BaseException:
        os.unlink(staged)
        raise
    return {"path": "%s/%s" % (sha256, name), "sha256": sha256}


def delete(input):
    """The content is named by the program's own answer at create; what nobody names any more may stay: it is public to members."""
