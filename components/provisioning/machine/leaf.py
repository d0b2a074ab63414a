"""Leaf certificates of this machine: a private key of its own, which never leaves, and a certificate from the signer.

Used by apply.py, and installed as /usr/local/lib/hashistack/leaf.py, which a timer runs as `leaf.py renew`. A certificate
is asked for again when it is missing, wrong, from another authority, or at one third of its life; with `leaf.py renew
--within DAYS` also when it ends within so many days.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import re
import ssl
import socket
import sys
import tempfile
import time
import urllib.parse

import host
from host import Failure, at, put_file, read_file, run

CONFIGS = "/etc/hashistack/leaf"
# Support itself signs with the keys that it keeps for the signer.
ISSUERS = "/etc/hashistack/signer"
LOCAL_LIFE = "720h"
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)
NAME = re.compile(r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")


def path(leaf, name):
    return "%s/%s.pem" % (leaf["directory"], name)


def blocks(pem):
    return ["".join(block.split()) for block in BLOCK.findall(pem or "")]


def key_mode(leaf):
    """The daemon reads the key as its owner or, better, as its group: then it cannot change it."""
    return 0o640 if leaf["owner"] == "root" and leaf["group"] != "root" else 0o600


def wanted_names(leaf):
    return (
        leaf["commonName"],
        frozenset(leaf["dnsNames"]),
        frozenset(ipaddress.ip_address(address) for address in leaf["ipAddresses"]),
    )


class Certificate:
    """What a certificate says, read by openssl."""

    def __init__(self, pem):
        text = run(
            ["openssl", "x509", "-noout", "-subject", "-nameopt", "multiline,utf8", "-dates", "-dateopt", "iso_8601"]
            + ["-ext", "subjectAltName", "-pubkey"],
            stdin=pem,
        )
        name = re.search(r"^\s+commonName\s*= (.*)$", text, re.M)
        self.begins, self.ends = (
            datetime.datetime.strptime(re.search(r"^%s=(.*)$" % field, text, re.M)[1], "%Y-%m-%d %H:%M:%SZ").replace(
                tzinfo=datetime.timezone.utc
            )
            for field in ("notBefore", "notAfter")
        )
        self.names = (
            name[1] if name else "",
            frozenset(re.findall(r"DNS:([^,\s]+)", text)),
            frozenset(ipaddress.ip_address(found) for found in re.findall(r"IP Address:([^,\s]+)", text)),
        )
        self.public_key = re.search(r"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", text, re.S)[0]


def public_key_of(key_file):
    return run(["openssl", "pkey", "-in", key_file, "-pubout"]).strip()


def verifies(leaf, pem):
    """Whether the chain leads from this certificate over the issuing one to the service's root."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("root", leaf["caPem"]), ("issuing", leaf["issuingPem"]), ("leaf", pem)):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        answer = run(
            ["openssl", "verify", "-CAfile", folder + "/root", "-untrusted", folder + "/issuing", folder + "/leaf"],
            accept=(0, 1, 2),
        )
    return answer.rstrip().endswith(": OK")


def why_new(leaf, within=0):
    """Why the certificate must be asked for again; None where it serves. `within`: days that it must have left, too."""
    chain = read_file(path(leaf, "cert"))
    if chain is None or not os.path.exists(at(path(leaf, "key"))):
        return "missing"
    found = blocks(chain)
    if len(found) != 2:
        return "not a certificate and its issuer"
    if found[1:] != blocks(leaf["issuingPem"]):
        return "another issuing authority"
    try:
        certificate = Certificate(BLOCK.findall(chain)[0])
        if public_key_of(at(path(leaf, "key"))) != certificate.public_key:
            return "key and certificate do not match"
    except Failure:
        return "not readable"
    if certificate.names != wanted_names(leaf):
        return "other names"
    now = datetime.datetime.now(datetime.timezone.utc)
    third = (certificate.ends - certificate.begins) / 3
    if now > certificate.ends - max(third, datetime.timedelta(days=within)):
        return "near its end"
    if not verifies(leaf, BLOCK.findall(chain)[0]):
        return "does not verify"
    return None


def new_key():
    return run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])


def request_for(leaf, key_file):
    names = [leaf["commonName"], *leaf["dnsNames"]]
    for name in names:
        if not NAME.match(name):
            raise Failure("%r is no name for a certificate of %s" % (name, leaf["service"]))
    lines = ["[req]", "prompt = no", "distinguished_name = dn", "req_extensions = ext", "[dn]", "CN = " + leaf["commonName"]]
    lines += ["[ext]", "subjectAltName = @names", "[names]"]
    lines += ["DNS.%d = %s" % pair for pair in enumerate(leaf["dnsNames"])]
    lines += ["IP.%d = %s" % (n, ipaddress.ip_address(address)) for n, address in enumerate(leaf["ipAddresses"])]
    return run(["openssl", "req", "-new", "-sha256", "-key", key_file, "-config", "/dev/stdin"], stdin="\n".join(lines) + "\n")


class ByName(http.client.HTTPSConnection):
    """Connects to an address, verifies a name."""

    def __init__(self, address, port, name, ca_pem, timeout):
        super().__init__(address, port, timeout=timeout, context=ssl.create_default_context(cadata=ca_pem))
        self.name = name

    def connect(self):
        raw = socket.create_connection((self.host, self.port), self.timeout)
        try:
            self.sock = self._context.wrap_socket(raw, server_hostname=self.name)
        except BaseException:
            raw.close()
            raise


def post(signer, body, limit=90):
    """One answer of the signer. Only a signer that is just restarting (refused, reset) is asked again, within the limit."""
    url = urllib.parse.urlsplit(signer["url"])
    until = time.monotonic() + limit
    pause = 0.1
    while True:
        connection = ByName(url.hostname, url.port or 443, signer["serverName"], signer["caPem"], timeout=15)
        try:
            connection.request("POST", "/api/v1/cfssl/authsign", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read(1 << 20)
        except ssl.SSLCertVerificationError as error:
            raise Failure("the signer at %s is not %s: %s" % (signer["url"], signer["serverName"], error.verify_message))
        except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError) as error:
            if time.monotonic() + pause > until:
                raise Failure("the signer at %s does not answer: %s, for %d s" % (signer["url"], error, limit))
            time.sleep(pause)
            pause = min(pause * 2, 2)
        except OSError as error:
            raise Failure("the signer at %s does not answer: %s" % (signer["url"], error))
        finally:
            connection.close()


def sign_remotely(leaf, signer, request):
    """cfssl's authenticated request: the HMAC is over the very bytes that are sent."""
    inner = json.dumps({"certificate_request": request, "profile": leaf["profile"], "label": leaf["service"]}).encode()
    token = hmac.new(bytes.fromhex(leaf["authKey"]), inner, hashlib.sha256).digest()
    body = {"token": base64.b64encode(token).decode(), "request": base64.b64encode(inner).decode()}
    status, text = post(signer, json.dumps(body))
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise Failure("the signer answered with status %d, and not as cfssl does" % status)
    if status != 200 or not answer.get("success"):
        said = ", ".join(str(error.get("message")) for error in answer.get("errors") or []) or "status %d" % status
        raise Failure("the signer refused a certificate of %s to profile %s: %s" % (leaf["service"], leaf["profile"], said))
    return answer["result"]["certificate"]


def sign_locally(leaf, request):
    issuer = "%s/%s" % (ISSUERS, leaf["service"])
    policy = {"usages": ["digital signature", "server auth", "client auth"], "expiry": LOCAL_LIFE, "backdate": "5m"}
    with tempfile.TemporaryDirectory() as folder:
        config, csr = os.path.join(folder, "config.json"), os.path.join(folder, "csr.pem")
        with open(config, "w", encoding="ascii") as file:
            json.dump({"signing": {"default": policy}}, file)
        with open(csr, "w", encoding="ascii") as file:
            file.write(request)
        answer = run(
            ["cfssl", "sign", "-loglevel", "3", "-ca", at(issuer + ".pem"), "-ca-key", at(issuer + ".key")]
            + ["-config", config, csr]
        )
    return json.loads(answer)["cert"]


def ensure(leaf, signer, before=lambda: None, within=0):
    """Makes {ca,cert,key}.pem of one leaf right. Answers why it was asked for anew, or None.

    `before` is called just before the first file changes, for the notices. `within`: days that it must have left.
    """
    try:
        return _ensure(leaf, signer, before, within)
    except Failure as failure:
        raise Failure("%s: %s" % (leaf["service"], failure), failure.log)


def _ensure(leaf, signer, before, within):
    owner, group = leaf["owner"], leaf["group"]
    key, chain, reason = None, None, why_new(leaf, within)
    if reason and host.looking:
        return reason
    if reason:
        os.makedirs(at(leaf["directory"]), exist_ok=True)
        key = new_key()
        handle, staged = tempfile.mkstemp(dir=at(leaf["directory"]), prefix=".hashistack-key-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(key)
            request = request_for(leaf, staged)
            pem = sign_remotely(leaf, signer, request) if signer.get("url") else sign_locally(leaf, request)
            certificate = Certificate(pem)
            if certificate.public_key != public_key_of(staged):
                raise Failure("the signer answered with a certificate of another key")
        finally:
            os.unlink(staged)
        if certificate.names != wanted_names(leaf):
            raise Failure("the signer answered with other names than asked for")
        if not verifies(leaf, pem):
            raise Failure("the signer's certificate does not lead to the service's root")
        chain = pem.strip() + "\n" + leaf["issuingPem"].strip() + "\n"
    else:
        key, chain = read_file(path(leaf, "key")), read_file(path(leaf, "cert"))
    # Key and certificate next to each other: a crash between the two shows as a key that does not match.
    wrong = [
        "%s: %s" % (path(leaf, name), why)
        for name, content, mode in (("ca", leaf["caPem"], 0o644), ("key", key, key_mode(leaf)), ("cert", chain, 0o644))
        if (why := put_file(path(leaf, name), content, owner, group, mode, before))
    ]
    return reason or ", ".join(wrong) or None


def renew(within=0):
    """What the timer runs: every leaf of this machine; one that fails does not keep the others from theirs."""
    failed = False
    notices = host.Notices()
    # An apply asks for leaves too, and writes the very files that a restart reads.
    with host.lock("apply", 300):
        for name in host.listed(CONFIGS):
            config = json.loads(read_file("%s/%s" % (CONFIGS, name)))
            leaf = config["leaf"]
            try:
                reason = ensure(leaf, config["signer"], lambda: notices.note(leaf["notifies"]), within)
                if reason:
                    print("%s: new certificate: %s" % (leaf["service"], reason))
            except Failure as failure:
                failed = True
                print("%s\n%s" % (failure, failure.log), file=sys.stderr)
        units = list(notices.due())
        states = host.unit_states(units)
        for line in notices.carry_out({unit for unit in units if host.is_up(states[unit])}):
            print(line)
    return 1 if failed else 0


def main(words):
    within = words[2] if len(words) == 3 and words[1] == "--within" else "0" if len(words) == 1 else ""
    if words[:1] != ["renew"] or not within.isdecimal():
        sys.exit("usage: leaf.py renew [--within DAYS]")
    try:
        sys.exit(renew(int(within)))
    except Failure as failure:
        sys.exit("%s\n%s" % (failure, failure.log))


if __name__ == "__main__":
    main(sys.argv[1:])
