"""Programs of a pinned version: from the machine's image, or fetched and checked."""

import hashlib
import http.client
import os
import ssl
import tempfile
import urllib.parse

import host
from host import Failure, at, me, read_file, write_file
from leaf import ByName

FOLDER = "/opt/hashistack/bin"
LINKS = "/usr/local/bin"


def ensure(program, plan, did, thorough=False):
    """Makes it right and tells `did`. `thorough`: also reads the whole program."""
    name, wanted = program["name"], program.get("sha256")
    path = "%s/%s-%s" % (FOLDER, name, program["version"])
    wrong = wrong_program(path, wanted, thorough)
    if wrong:
        if not program.get("url"):
            raise Failure("%s %s is %s, and the plan says nowhere to fetch it" % (name, program["version"], wrong))
        if not wanted:
            raise Failure("%s %s is to be fetched, but the plan has no SHA-256 of it" % (name, program["version"]))
        if not host.looking:
            fetch(program, path, plan)
            write_file(path + ".sha256", wanted + "\n", *me(), 0o644)
        did("program %s %s" % (name, program["version"]), "it is " + wrong)
    link = "%s/%s" % (LINKS, name)
    if not os.path.islink(at(link)) or os.readlink(at(link)) != path:
        if not host.looking:
            os.makedirs(at(LINKS), exist_ok=True)
            staged = at(link + ".hashistack-new")
            if os.path.lexists(staged):
                os.unlink(staged)
            os.symlink(path, staged)
            os.replace(staged, at(link))
        did("program %s is %s" % (name, program["version"]), "%s does not lead to %s" % (link, path), "program " + name)


def wrong_program(path, wanted, thorough):
    """What is wrong with a program, to be read after "it is"; None where it serves."""
    recorded = (read_file(path + ".sha256") or "").split()[:1]
    if not os.path.exists(at(path)) or not recorded:
        return "not in the image"
    if wanted and recorded != [wanted]:
        return "in the image with another SHA-256 than planned"
    if thorough:
        with open(at(path), "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != recorded[0]:
            return "another program than %s.sha256 says (its SHA-256 is %s)" % (path, found)
        if not os.access(at(path), os.X_OK):
            return "not executable"
    return None


def ca_pem(program, plan):
    """The file may be one that this very plan puts there later."""
    path = program.get("caFile")
    for file in plan["files"]:
        if file["path"] == path:
            return file["content"]
    for leaf in plan["certificates"]:
        if "%s/ca.pem" % leaf["directory"] == path:
            return leaf["caPem"]
    found = read_file(path) if path else None
    if found is None:
        raise Failure("%s: no CA to verify %s with (%s)" % (program["name"], program["url"], path or "no caFile"))
    return found


def fetch(program, path, plan):
    url = urllib.parse.urlsplit(program["url"])
    if url.scheme != "https":
        raise Failure("%s: %s is not https" % (program["name"], program["url"]))
    # On support an address stands in the URL, and its name is verified: addresses prove nothing here.
    signer = plan.get("signer") or {}
    same = bool(signer.get("url")) and urllib.parse.urlsplit(signer["url"]).hostname == url.hostname
    name = signer["serverName"] if same else url.hostname
    connection = ByName(url.hostname, url.port or 443, name, ca_pem(program, plan), timeout=30)
    os.makedirs(at(FOLDER), exist_ok=True)
    handle, staged = tempfile.mkstemp(dir=at(FOLDER), prefix=".hashistack-")
    try:
        with os.fdopen(handle, "wb") as out:
            connection.request("GET", url.path)
            answer = connection.getresponse()
            if answer.status != 200:
                raise Failure("%s: %s answers %d %s" % (program["name"], program["url"], answer.status, answer.reason))
            sha = hashlib.sha256()
            while block := answer.read(1 << 20):
                sha.update(block)
                out.write(block)
            if sha.hexdigest() != program["sha256"]:
                raise Failure("%s: %s has SHA-256 %s, planned is %s" % (program["name"], program["url"], sha.hexdigest(), program["sha256"]))
            os.fchmod(out.fileno(), 0o755)
            out.flush()
            os.fsync(out.fileno())
        os.replace(staged, at(path))
    except (OSError, ssl.SSLError, http.client.HTTPException) as error:
        raise Failure("%s: %s cannot be fetched: %s" % (program["name"], program["url"], error))
    finally:
        connection.close()
        if os.path.exists(staged):
            os.unlink(staged)
