"""The HTTP APIs of Consul, Nomad and Vault, called directly: a token never shows in an argument or the environment.

Each service is reached at several addresses, and its certificate is verified by the service's own root and a server
name, never by an address.
"""

import http.client
import json
import socket
import ssl
import time
import urllib.parse

try:
    from hashistack import Failure
except ImportError:  # installed on a machine

    class Failure(Exception):
        def __init__(self, sentence, log=""):
            super().__init__(sentence)
            self.log = log


TOKEN_HEADERS = {"consul": "X-Consul-Token", "nomad": "X-Nomad-Token", "vault": "X-Vault-Token"}
POLL_SECONDS = 0.2


class HttpError(Failure):
    """The service answered, but not what was expected."""

    def __init__(self, sentence, status, text):
        super().__init__(sentence)
        self.status = status
        self.text = text


class Unreachable(Failure):
    """No address answered."""


class NotYet(Exception):
    """A condition that does not hold yet; its text is what was seen last."""


def split_address(address):
    """("[fd00::1]:8501" or "198.51.100.7:8501") -> (host, port)."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


class _Connection(http.client.HTTPSConnection):
    """Goes to an address, but verifies a name."""

    def __init__(self, host, port, server_name, context, timeout):
        super().__init__(host, port, timeout=timeout, context=context)
        self._server_name = server_name
        self._tls = context

    def connect(self):
        plain = socket.create_connection((self.host, self.port), self.timeout)
        try:
            # Head and body go as two packets; the second would wait 40 ms for the first one's receipt.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock = self._tls.wrap_socket(plain, server_hostname=self._server_name)
        except BaseException:
            plain.close()
            raise


class Answer:
    def __init__(self, status, text, address, index=None):
        self.status = status
        self.text = text
        self.address = address
        self.index = index

    @property
    def body(self):
        return json.loads(self.text) if self.text.strip() else None


class Api:
    """One service of the cluster.

    access: {"addresses": ["[fd00:1ab::12]:8501", ...], "caPem": root, "serverName": name, "token": secret or absent}
    """

    def __init__(self, service, access, token=None):
        self.service = service
        self.title = service.capitalize()
        self.addresses = list(access["addresses"])
        if not self.addresses:
            raise Failure("%s: no server address is known" % self.title)
        self._header = TOKEN_HEADERS.get(service)
        self.token = token if token is not None else access.get("token")
        self._server_name = access["serverName"]
        self._context = ssl.create_default_context(cadata=access["caPem"])
        if access.get("publicRoots"):
            self._context.load_default_certs()
        self._kept = {}

    def at(self, address):
        """The same service through one of its addresses alone."""
        return self._copy([address], self.token)

    def with_token(self, token):
        """The same service as somebody else; "" is nobody."""
        return self._copy(list(self.addresses), token)

    def _copy(self, addresses, token):
        other = Api.__new__(Api)
        other.__dict__.update(self.__dict__)
        other.addresses, other.token, other._kept = addresses, token, {}
        return other

    def call(self, method, path, body=None, expect=(200,), timeout=10, headers=()):
        """One request; an Answer whose status is expected, else HttpError or Unreachable.

        An address that cannot be reached, or answers that it is not able to (5xx and 307: see unable), is put last
        for the calls to come. What was sent is sent again, to another, only where that cannot do the thing twice.
        """
        seen, last_failure = [], None
        for address in list(self.addresses):
            try:
                answer = self._once(address, method, path, body, timeout, headers)
            except _NotSent as error:
                seen.append("%s: %s" % (address, error))
                self._last(address)
                continue
            except (OSError, http.client.HTTPException) as error:
                seen.append("%s: %s" % (address, _plain(error)))
                self._last(address)
                if method == "POST":
                    break
                continue
            if answer.status in expect:
                return answer
            failure = HttpError(
                "%s at %s answered %s %s with %d: %s"
                % (self.title, address, method, path.split("?")[0], answer.status, _short(answer.text)),
                answer.status,
                answer.text,
            )
            if not unable(answer.status):
                raise failure
            self._last(address)
            if method != "GET":
                raise failure
            last_failure = failure
        if last_failure:
            raise last_failure
        raise Unreachable("%s did not answer %s %s (%s)" % (self.title, method, path.split("?")[0], "; ".join(seen)))

    def request(self, method, path, body=None, expect=(200,), timeout=10):
        """As call, but the parsed body alone."""
        return self.call(method, path, body, expect, timeout).body

    def get(self, path, missing=()):
        """The body, or None where the answer's status is one of `missing`."""
        answer = self.call("GET", path, expect=(200,) + tuple(missing))
        return answer.body if answer.status == 200 else None

    def put(self, path, body=None, expect=(200, 204)):
        return self.request("PUT", path, body, expect)

    def delete(self, path, expect=(200, 204, 404)):
        return self.request("DELETE", path, None, expect)

    def _last(self, address):
        self.addresses.remove(address)
        self.addresses.append(address)

    def _once(self, address, method, path, body, timeout, more):
        headers = dict({"Content-Type": "application/json"}, **dict(more))
        if self.token:
            headers[self._header] = self.token
        data = None if body is None else json.dumps(body)
        kept = self._kept.pop(address, None)
        if kept:
            try:
                return self._exchange(kept, address, method, path, data, headers, timeout)
            except (OSError, http.client.HTTPException) as error:
                # The other side may have closed what lay idle; a POST might have arrived all the same.
                if method == "POST" or isinstance(error, socket.timeout):
                    raise
        host, port = split_address(address)
        connection = _Connection(host, port, self._server_name, self._context, timeout)
        try:
            connection.connect()
        except OSError as error:
            raise _NotSent(_plain(error)) from None
        return self._exchange(connection, address, method, path, data, headers, timeout)

    def _exchange(self, connection, address, method, path, data, headers, timeout):
        try:
            connection.sock.settimeout(timeout)
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._kept[address] = connection
        index = response.getheader("X-Nomad-Index") or response.getheader("X-Consul-Index")
        return Answer(response.status, text, address, index)


class _NotSent(Exception):
    """The connection failed before anything was asked."""


def unable(status):
    """Whether it says that this server cannot answer now: sealed, without a leader, or, by a redirect, unable to reach it."""
    return status >= 500 or status == 307


def _plain(error):
    """The cause in words, without Python's decoration."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate refused: %s" % error.verify_message
    if isinstance(error, socket.timeout):
        return "timed out"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _short(text):
    line = " ".join(text.split())
    return line if len(line) <= 400 else line[:400] + "…"


def wait(what, condition, seconds, final=()):
    """Polls until `condition()` returns without raising; what it returns.

    Held back until the limit: NotYet, no connection, and answers that a starting cluster gives (5xx, 403, 429). Other
    answers, and the statuses in `final`, end it at once.
    """
    start = time.monotonic()
    while True:
        try:
            return condition()
        except NotYet as error:
            seen = str(error)
        except Unreachable as error:
            seen = str(error)
        except HttpError as error:
            if error.status in final or not (unable(error.status) or error.status in (403, 429)):
                raise
            seen = str(error)
        if time.monotonic() - start > seconds:
            raise Failure("%s: not so after %d s; last seen: %s" % (what, seconds, seen))
        time.sleep(POLL_SECONDS)


def raft_voters(api, names=()):
    """Consul's and Nomad's servers: with a leader, and each of `names` a voter. To be used in wait()."""
    servers = (api.get("/v1/operator/raft/configuration") or {}).get("Servers") or []
    leader = [s for s in servers if s.get("Leader")]
    voters = {s["Node"] for s in servers if s.get("Voter")}
    missing = sorted(set(names) - voters)
    if not leader or missing:
        raise NotYet("%s; not voting: %s" % ("a leader" if leader else "no leader", ", ".join(missing) or "none"))
    return servers


def hand_over(api, name, prefer=()):
    """Where this server of Consul or Nomad leads, another voter does afterwards: one of `prefer`, if there is one."""
    servers = wait("%s: a leader" % api.title, lambda: raft_voters(api), 30)
    if not any(s["Leader"] and s["Node"] == name for s in servers):
        return
    others = sorted((s for s in servers if s["Voter"] and s["Node"] != name), key=lambda s: s["Node"] not in prefer)
    if not others:
        raise Failure("%s: there is nobody to take over from %s" % (api.title, name))
    what = {"consul": "transfer-leader", "nomad": "transfer-leadership"}[api.service]
    api.request("POST", "/v1/operator/raft/%s?id=%s" % (what, urllib.parse.quote(others[0]["ID"])))

    def handed_over():
        if any(s["Leader"] and s["Node"] == name for s in raft_voters(api)):
            raise NotYet("%s still leads" % name)

    wait("%s: another leader than %s" % (api.title, name), handed_over, 30)


def vault_login(access, login):
    """Vault as the AppRole that `login` names: {"path": mount, "roleId", "secretId"}."""
    vault = Api("vault", access, token="")
    body = {"role_id": login["roleId"], "secret_id": login["secretId"]}
    for left in range(len(vault.addresses), 0, -1):
        try:
            answer = vault.request("POST", "/v1/auth/%s/login" % login["path"], body)
            return vault.with_token(answer["auth"]["client_token"])
        except HttpError as error:
            # A server that has just been made is sealed until it has joined; the next address is another's.
            if not unable(error.status) or left == 1:
                raise
    raise AssertionError("an Api has addresses")


def passing(consul, service):
    """{"name", "passing"}: as many instances of it pass their checks. To be used in wait()."""
    found = consul.get("/v1/health/service/%s?passing=1" % urllib.parse.quote(service["name"], safe="")) or []
    if len(found) < service["passing"]:
        raise NotYet("%d of %d" % (len(found), service["passing"]))
