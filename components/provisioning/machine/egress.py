"""The way out of a machine without a public address: a tunnel (VXLAN) to support, which does NAT.

usage: egress.py up|down

/etc/hashistack/egress.json: {"local", "address", "port"}, and on a machine behind support {"remote", "gateway"}.

The default route is left as whoever made it will make it again; two halves of the internet are narrower, and go before it.
What the cloud tells a machine of itself stays where it was.
"""

import ipaddress
import json
import sys

from host import Failure, at, read_file, run

CONFIG = "/etc/hashistack/egress.json"
DEVICE = "hs-way-out"
NETWORK_ID = "26739"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
METADATA = "169.254.169.254"
# Each packet carries 50 bytes more; some networks below have less than 1500.
MTU = "1400"
FORWARD = "/proc/sys/net/ipv4/ip_forward"


def mac(address):
    """Bound to the address, so that support made anew is known to those who knew the old one."""
    return "02:68:" + ":".join("%02x" % byte for byte in ipaddress.ip_interface(address).ip.packed)


def down():
    there = json.loads(run(["ip", "-j", "link", "show", "type", "vxlan"]) or "[]")
    if any(link.get("ifname") == DEVICE for link in there):
        run(["ip", "link", "delete", DEVICE])


def up(end):
    down()
    port = str(end["port"])
    remote = ["remote", end["remote"]] if "remote" in end else []
    # From one port to the same: what answers comes as an answer.
    ports = ["dstport", port, "srcport", port, str(end["port"] + 1)]
    link = ["ip", "link", "add", DEVICE, "address", mac(end["address"]), "mtu", MTU, "type", "vxlan"]
    run([*link, "id", NETWORK_ID, "local", end["local"], *remote, *ports, "ttl", "64"])
    run(["ip", "address", "add", end["address"], "dev", DEVICE])
    run(["ip", "link", "set", DEVICE, "up"])
    if "gateway" not in end:
        with open(at(FORWARD), "w", encoding="ascii") as file:
            file.write("1\n")
        return
    for route in json.loads(run(["ip", "-4", "-j", "route", "show", "default"]) or "[]")[:1]:
        # Where a link has nobody behind it to be asked, the route names the link alone.
        via = ["via", route["gateway"]] if "gateway" in route else []
        run(["ip", "route", "replace", METADATA, *via, "dev", route["dev"]])
    for half in HALVES:
        run(["ip", "route", "replace", half, "via", end["gateway"], "dev", DEVICE])


def main(argv):
    if argv not in (["up"], ["down"]):
        sys.exit("usage: egress.py up|down")
    if argv == ["down"]:
        return down()
    text = read_file(CONFIG)
    if text is None:
        raise Failure("%s is missing" % CONFIG)
    up(json.loads(text))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit("%s\n%s" % (failure, failure.log))
