"""Goes through an emulated Linode with linode_api4. usage: linode_clients.py URL (without the version), token in LINODE_TOKEN."""

import base64
import json
import os
import sys
import time

from linode_api4 import ApiError, Domain, Instance, LinodeClient
from linode_api4.objects import ConfigInterface, Event, Firewall, InstancePlacementGroupAssignment, PlacementGroup, VPC

LIMIT = 20


def until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come within {LIMIT} s")
        time.sleep(0.05)


def refused(call):
    try:
        call()
    except ApiError as error:
        return [error.status, error.errors]
    return None


def main(url):
    client = LinodeClient(os.environ["LINODE_TOKEN"], base_url=f"{url}/v4")
    told = {}
    told["profile"] = client.profile().username
    told["regions"] = [region.id for region in client.regions() if "VPCs" in region.capabilities]
    told["price"] = [kind.price.monthly for kind in client.linode.types() if kind.id == "g6-nanode-1"]
    told["image"] = [image.label for image in client.images() if not image.is_public]

    vpc = client.vpcs.create("python", "de-fra-2", subnets=[{"label": "machines", "ipv4": "10.30.0.0/24"}])
    rules = {
        "inbound": [
            {
                "action": "ACCEPT",
                "label": "web",
                "protocol": "TCP",
                "ports": "80, 443",
                "addresses": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]},
            }
        ],
        "inbound_policy": "DROP",
        "outbound": [],
        "outbound_policy": "ACCEPT",
    }
    firewall = client.networking.firewall_create("python", rules)
    group = client.placement.group_create("python", "de-fra-2", "anti_affinity:local", "strict")
    user_data = base64.b64encode(b"#cloud-config\n{}\n").decode()
    instance = client.linode.instance_create(
        "g6-nanode-1",
        "de-fra-2",
        image="private/1",
        root_pass="correct horse battery staple",
        label="python-edge-a",
        tags=["python"],
        firewall=firewall,
        placement_group=InstancePlacementGroupAssignment(id=group.id),
        metadata=client.linode.build_instance_metadata(user_data=user_data, encode_user_data=False),
        interfaces=[
            ConfigInterface("public"),
            ConfigInterface("vpc", subnet_id=vpc.subnets[0].id, ipv4={"vpc": "10.30.0.2", "nat_1_1": "any"}),
        ],
    )
    instance = client.load(Instance, instance.id)
    until("running", lambda: (instance.invalidate(), instance.status)[1] == "running")
    told["instance"] = [instance.label, instance.has_user_data, instance.placement_group.id == group.id]
    told["interfaces"] = [one.purpose for one in instance.configs[0].interfaces]
    told["vpc"] = [one.address for one in instance.ips.ipv4.vpc]
    told["disks"] = [str(disk.filesystem) for disk in instance.disks]
    told["devices"] = [device.entity.label for device in firewall.devices]
    told["members"] = [member.linode_id == instance.id for member in client.load(PlacementGroup, group.id).members]
    boots = client.account.events(Event.action == "linode_boot")
    told["events"] = [event.status for event in boots if event.entity.id == instance.id]
    told["found"] = [one.label for one in client.linode.instances(Instance.label == "python-edge-a")]
    told["tags"] = [tag.label for tag in client.tags()]

    instance.label = "python-edge-b"
    instance.save()
    told["busy"] = refused(lambda: client.load(VPC, vpc.id).delete())
    told["label"] = refused(lambda: client.linode.instance_create("g6-nanode-1", "de-fra-2", label="python-edge-b"))
    instance.shutdown()
    until("offline", lambda: (instance.invalidate(), instance.status)[1] == "offline")
    instance.boot()
    until("running again", lambda: (instance.invalidate(), instance.status)[1] == "running")
    firewall.update_rules({**rules, "inbound": []})
    told["rules"] = len(client.load(Firewall, firewall.id).rules.inbound)

    domain = client.domain_create("example.org", soa_email="admin@example.org")
    record = domain.record_create("AAAA", name="*", target="2001:db8::7", ttl_sec=300)
    told["records"] = [[one.name, one.target] for one in client.load(Domain, domain.id).records]
    record.delete()
    domain.delete()
    instance.delete()
    until("gone", lambda: len(client.linode.instances()) == 0)
    group.delete()
    firewall.delete()
    vpc.delete()
    json.dump(told, sys.stdout)


main(sys.argv[1])
