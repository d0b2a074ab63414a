"""What stands before cfssl's signer on support, and lets only plain requests for certificates through.

multirootca lets whoever may ask at all choose how long a certificate lives (`NotAfter` in the request goes before the
profile's expiry), and tells of itself to anybody. Here only `authsign` passes, with the three fields that a machine needs;
who may sign what stays multirootca's to decide, since the request is sealed by the machine's key. But it does not look at
addresses, so a certificate with one that the profile does not name is not handed out. While the signer restarts, requests
wait here.

Run as: signer_gate.py PORT SIGNER_PORT SERVER_NAME CERTIFICATE_FOLDER KEY_FILE
"""

import base64
import http.server
import json
import re
import socket
import ssl
import sys
import threading
import time

import leaf
import signer_policies
from host import Failure, read_file

PATH = "/api/v1/cfssl/authsign"
FIELDS = {"certificate_request", "label", "profile"}
MOST_BYTES = 64 * 1024
AT_ONCE = 64


class Refused(Exception):
    pass


def fields(text, names, what):
    """An object with exactly these fields, each once, each a string."""

    def once(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise Refused("%s has a field twice" % what)
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=once)
    except ValueError:
        raise Refused("%s is not JSON" % what)
    if not isinstance(found, dict) or set(found) != names or not all(isinstance(value, str) for value in found.values()):
        raise Refused("%s must have the fields %s and no others" % (what, ", ".join(sorted(names))))
    return found


def check(body):
    outer = fields(body, {"token", "request"}, "the body")
    try:
        inner = base64.b64decode(outer["request"], validate=True)
    except ValueError:
        raise Refused("the request is not base64")
    return fields(inner, FIELDS, "the request")


def check_addresses(asked, answer):
    """Refuses a certificate, as it was signed, with an address that is none of its profile's."""
    try:
        answered = json.loads(answer)
        if not answered.get("success"):
            return
        # A label and a profile for which the signer has just signed: it has them from this file.
        policy = json.loads(read_file("%s/%s.json" % (signer_policies.POLICIES, asked["label"])))
        pattern = policy["signing"]["profiles"][asked["profile"]]["name_whitelist"]
        addresses = leaf.Certificate(answered["result"]["certificate"]).names[2]
    except (Failure, ValueError, KeyError, TypeError, AttributeError) as error:
        print("the signer's answer cannot be checked: %s: %s" % (type(error).__name__, error), file=sys.stderr, flush=True)
        raise Refused("the signer's answer cannot be checked")
    for address in sorted(str(address) for address in addresses):
        if not re.fullmatch(pattern, address):
            raise Refused("the address %s is none of the profile's" % address)


class Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "hashistack", ""
    timeout = 20

    def do_POST(self):
        try:
            if self.path != PATH:
                return self.answer(404, refusal("there is nothing here"))
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                return self.answer(413, refusal("the request has no length, or too much of it"))
            body = self.rfile.read(int(length))
            asked = check(body)
            status, answer = self.server.forward(body)
            if status == 200:
                check_addresses(asked, answer)
        except Refused as refused:
            return self.answer(400, refusal(str(refused)))
        self.answer(status, answer)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *args):
        print("%s %s" % (self.client_address[0], form % args), flush=True)


def refusal(message):
    return json.dumps({"success": False, "result": None, "errors": [{"code": 1, "message": message}]}).encode()


class Gate(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port, signer, certificate, key):
        self.signer = signer
        self.room = threading.BoundedSemaphore(AT_ONCE)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.load_cert_chain(certificate, key)
        super().__init__(("::", port), Handler)

    def finish_request(self, request, client_address):
        # In the connection's own thread: who is slow to shake hands keeps nobody waiting.
        with self.room:
            request.settimeout(Handler.timeout)
            with self.tls.wrap_socket(request, server_side=True) as shaken:
                self.RequestHandlerClass(shaken, client_address, self)

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            print("%s: %s: %s" % (client_address[0], type(error).__name__, error), file=sys.stderr, flush=True)

    def forward(self, body, limit=15):
        until = time.monotonic() + limit
        while True:
            connection = leaf.ByName(*self.signer, timeout=limit)
            try:
                connection.request("POST", PATH, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                return answer.status, answer.read(1 << 20)
            except (ConnectionRefusedError, ConnectionResetError, ssl.SSLEOFError):
                if time.monotonic() > until:
                    return 503, refusal("the signer does not run")
                time.sleep(0.05)
            except OSError as error:
                print("the signer: %s" % error, file=sys.stderr, flush=True)
                return 502, refusal("the signer does not answer")
            finally:
                connection.close()


def main(port, signer_port, name, folder, key):
    with open(folder + "/ca.pem", encoding="ascii") as file:
        ca_pem = file.read()
    Gate(int(port), ("127.0.0.1", int(signer_port), name, ca_pem), folder + "/cert.pem", key).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
