"""Consul's server is about to stop: where it leads, another is to lead first.

Who asks just when a leader goes gets an error, and Fabio takes an error for a service without instances. Installed as
/usr/local/lib/hashistack/consul_stop.py, and run by Consul's unit before its process is told to end. Whatever comes of it,
the process ends.
"""

import http.client
import json
import ssl
import sys
import time

SETTINGS = "/etc/consul.d/secrets.json"
AUTHORITY = "/etc/ssl/consul/ca.pem"
LIMIT = 3


def call(method, path, token):
    context = ssl.create_default_context(cafile=AUTHORITY)
    connection = http.client.HTTPSConnection("127.0.0.1", 8501, context=context, timeout=LIMIT)
    try:
        connection.request(method, path, headers={"X-Consul-Token": token})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError("%s %s: status %d" % (method, path, answer.status))
        return json.loads(body)
    finally:
        connection.close()


def main():
    with open(SETTINGS, encoding="utf-8") as file:
        token = json.load(file)["acl"]["tokens"]["initial_management"]

    def leads():
        return call("GET", "/v1/agent/self", token)["Stats"]["raft"]["state"] == "Leader"

    end = time.monotonic() + LIMIT
    if leads():
        call("POST", "/v1/operator/raft/transfer-leader", token)
        while leads() and time.monotonic() < end:
            time.sleep(0.05)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        sys.exit("leadership was not handed over: %s" % error)
