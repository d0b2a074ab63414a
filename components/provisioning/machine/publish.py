"""Puts an artifact into support's store, under the SHA-256 of its content: what is fetched is what was meant."""

import base64
import hashlib
import os
import shutil
import tempfile

from hashistack import Failure

STORE = "/srv/artifacts"


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            sha.update(block)
    return sha.hexdigest()


def create(input):
    """input: {name, content (base64) | program: {name, version}}; answers {path, sha256}."""
    name = input["name"]
    handle, staged = tempfile.mkstemp(dir=STORE)
    try:
        with os.fdopen(handle, "wb") as out:
            if "content" in input:
                out.write(base64.b64decode(input["content"]))
            else:
                program = input["program"]
                source = "/opt/hashistack/bin/%s-%s" % (program["name"], program["version"])
                if not os.path.exists(source):
                    raise Failure("%s %s is not on this machine (%s)" % (program["name"], program["version"], source))
                with open(source, "rb") as file:
                    shutil.copyfileobj(file, out)
            out.flush()
            os.fsync(out.fileno())
        sha256 = digest(staged)
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
