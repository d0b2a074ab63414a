"""What a client's agents would otherwise find out only at their next look, 15 to 30 s later.

Installed on clients, where systemd runs it:
  first_start.py token   before Consul's agent: until the servers know its token (an agent that is refused tries again
                         only after 15 to 30 s); at the first start only, and never longer than its limit
  first_start.py nomad   beside Nomad's client: until Consul and Vault answer; then Nomad is told to look around
"""

import hashlib
import json
import os
import subprocess
import sys
from cluster_api import Api, Failure, NotYet, wait

CONSUL = "/etc/consul.d"
NOMAD = "/etc/nomad.d"
SEEN = "/var/lib/hashistack/consul-token-seen"
TOKEN_SECONDS = 75  # systemd gives a start 90 s
AROUND_SECONDS = 1800


def read(*parts):
    with open(os.path.join(*parts)) as file:
        return file.read()


def token():
    agent, secrets = json.loads(read(CONSUL, "agent.json")), json.loads(read(CONSUL, "secrets.json"))
    own = secrets["acl"]["tokens"]["agent"]
    mark = hashlib.sha256(own.encode()).hexdigest()
    if os.path.exists(SEEN) and read(SEEN) == mark:
        return
    port = agent["ports"]["https"]
    access = {
        "addresses": ["%s:%d" % (server, port) for server in agent["retry_join"]],
        "caPem": read(agent["tls"]["defaults"]["ca_file"]),
        "serverName": "server.%s.consul" % agent["datacenter"],
        "token": own,
    }
    consul = Api("consul", access)
    wait("Consul: the servers know this agent's token", lambda: consul.get("/v1/acl/token/self"), TOKEN_SECONDS)
    os.makedirs(os.path.dirname(SEEN), exist_ok=True)
    with open(SEEN, "w") as file:
        file.write(mark)


def around():
    agent = json.loads(read(NOMAD, "agent.json"))
    vault = agent["vault"]
    host = vault["address"].split("://")[1]
    access = {"addresses": [host], "caPem": read(vault["ca_file"]), "serverName": host.rsplit(":", 1)[0]}
    api = Api("vault", access, token="")

    def answers():
        if api.call("GET", "/v1/sys/health", expect=(200, 429, 501, 503), timeout=5).status != 200:
            raise NotYet("Vault is not ready")

    consul = agent["consul"]
    where = {"addresses": [consul["address"]], "caPem": read(consul["ca_file"]), "serverName": "localhost"}
    secret = json.loads(read(NOMAD, "secrets.json"))["consul"]["token"]
    own = Api("consul", dict(where, token=secret))
    wait("Consul: answers Nomad's token", lambda: own.get("/v1/agent/self"), AROUND_SECONDS)
    wait("Vault: answers under its name", answers, AROUND_SECONDS)
    tls = agent["tls"]
    itself = Api("nomad", {"addresses": ["127.0.0.1:4646"], "caPem": read(tls["ca_file"]), "serverName": "localhost"})
    # A daemon that is not up yet would take the signal for its end.
    wait("Nomad: its client is well", lambda: itself.get("/v1/agent/health?type=client"), AROUND_SECONDS)
    subprocess.run(["systemctl", "reload", "nomad.service"], stdin=subprocess.DEVNULL, check=True, timeout=60)


if __name__ == "__main__":
    try:
        {"token": token, "nomad": around}[sys.argv[1]]()
    except Failure as failure:
        # Never in the way: without this help the agents get there, too, only later.
        print("%s; going on without" % failure, file=sys.stderr)
