"""Machines that leave a zone are let in a while longer: a server that is replaced hands over before it goes.

The zone's file has them no more, so a reload or a reboot ends it at once; otherwise a timer does.
"""

import re

from host import read_file, run

ZONE_FILE = "/etc/firewalld/zones/%s.xml"
WHILE = "15min"


def sources(zones):
    """{zone: sources that its file still has and that are in no zone to come}, of the zones in which they may linger."""
    to_come = {source for zone in zones for source in zone["sources"]}
    leaving = {}
    for zone in zones:
        if not zone.get("leaversLinger"):
            continue
        present = re.findall(r'<source address="([^"]+)"/>', read_file(ZONE_FILE % zone["name"]) or "")
        gone = sorted(set(present) - to_come)
        if gone:
            leaving[zone["name"]] = gone
    return leaving


def let_in(leaving):
    """To be called when the firewall has the new zones."""
    for zone, gone in leaving.items():
        run(["firewall-cmd", "--quiet", "--zone=" + zone, *["--add-source=" + source for source in gone]])
        later = ["firewall-cmd", "--quiet", "--zone=" + zone, *["--remove-source=" + source for source in gone]]
        run(["systemd-run", "--quiet", "--collect", "--on-active=" + WHILE, *later])
