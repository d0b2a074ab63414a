import { unknown } from "../engine";
import { type Cases, groups, inbound, ingress, linode, local, none, nova, port, world } from "./resources";

export const reach: Readonly<Record<string, Cases>> = {
  "no-open-admin-ports": {
    pass: [
      { resources: [inbound({ ports: "80, 443", ipv4s: world, ipv6s: ["::/0"] })] },
      { resources: [inbound({ ports: "22", ipv4s: ["192.0.2.0/24"] })] },
      { resources: [inbound({ action: "DROP", ports: "22", ipv4s: world })] },
      { resources: [inbound({ protocol: "ICMP", ipv4s: world })] },
      {
        resources: [
          ingress({ protocol: "tcp", portRangeMin: 443, portRangeMax: 443, remoteIpPrefix: world[0] }),
        ],
      },
      { resources: [ingress({ remoteGroupId: unknown })] },
      { resources: [ingress({ direction: "egress" })] },
    ],
    fail: [
      {
        resources: [inbound({ ports: "22", ipv4s: world })],
        says: 'the inbound rule "rule" opens port 22 to 0.0.0.0/0',
      },
      { resources: [inbound({ ports: "8000-9000", ipv6s: ["::/0"] })], says: "8200-8201" },
      { resources: [inbound({ ipv4s: ["0.0.0.0/1"] })], says: "22, 4646-4648" },
      {
        resources: [
          ingress({ protocol: "tcp", portRangeMin: 8500, portRangeMax: 8501, remoteIpPrefix: "::/0" }),
        ],
        says: "8500-8503",
      },
      { resources: [ingress({})], says: "to 0.0.0.0/0" },
    ],
    unknown: [
      { resources: [inbound({ ports: "22", ipv4s: unknown })] },
      { resources: [inbound({ ports: unknown, ipv4s: world })] },
      { resources: [ingress({ protocol: "tcp", portRangeMin: 22, remoteIpPrefix: unknown })] },
    ],
    notApplicable: none,
  },
  "dynamic-ports-inside": {
    pass: [
      { resources: [inbound({ ports: "20000-32000", ipv4s: ["10.0.0.0/24"], ipv6s: ["fd00:1::/64"] })] },
      { resources: [ingress({ remoteIpPrefix: "10.20.0.0/24" })] },
      {
        resources: [inbound({ ports: "25000", ipv4s: ["192.0.2.0/24"] })],
        config: { members: ["192.0.2.0/24"] },
      },
      { resources: [inbound({ ports: "443", ipv4s: world })] },
    ],
    fail: [
      {
        resources: [inbound({ ports: "20000-32000", ipv4s: ["192.0.2.7/32"] })],
        says: "20000-32000 to 192.0.2.7/32",
      },
      { resources: [inbound({ ports: "25000", ipv6s: ["2001:db8::/64"] })], says: "25000" },
      { resources: [inbound({ ports: "1-65535", ipv4s: ["10.0.0.0/4"] })], says: "10.0.0.0/4" },
      {
        resources: [
          ingress({
            protocol: "udp",
            portRangeMin: 31000,
            portRangeMax: 31000,
            remoteIpPrefix: "192.0.2.0/24",
          }),
        ],
        says: "31000",
      },
    ],
    unknown: [{ resources: [inbound({ ports: "20000-32000", ipv4s: [unknown] })] }],
    notApplicable: none,
  },
  "default-drop": {
    pass: [
      { resources: [inbound({ ports: "443" })] },
      { resources: [port({ ...groups, portSecurityEnabled: true })] },
      { resources: [nova({ securityGroups: ["members"] })] },
    ],
    fail: [
      {
        resources: [{ ...inbound({}), props: { inboundPolicy: "ACCEPT" } }],
        says: "inboundPolicy is ACCEPT",
      },
      { resources: [{ ...inbound({}), props: { inboundPolicy: "DROP", disabled: true } }], says: "disabled" },
      { resources: [port({ noSecurityGroups: true })], says: "noSecurityGroups" },
      { resources: [port({ portSecurityEnabled: false })], says: "portSecurityEnabled" },
      { resources: [nova({ securityGroups: ["default"] })], says: "default" },
    ],
    unknown: [{ resources: [{ ...inbound({}), props: { inboundPolicy: unknown } }] }],
    notApplicable: none,
  },
  "machines-behind-firewall": {
    pass: [
      { resources: [linode()] },
      { resources: [linode({ firewallId: unknown })] },
      {
        resources: [
          linode({ firewallId: undefined }),
          { ...inbound({}), props: { linodes: unknown }, from: { linodes: ["control-a"] } },
        ],
      },
      {
        resources: [
          linode({ firewallId: undefined }),
          {
            type: "linode:index/firewallDevice:FirewallDevice",
            name: "d",
            from: { entityId: ["control-a"] },
          },
        ],
      },
      { resources: [nova({ securityGroups: ["members"] })] },
      {
        resources: [
          nova({ networks: [{ port: unknown }] }, { from: { networks: ["control-a-port"] } }),
          port(groups),
        ],
      },
    ],
    fail: [
      { resources: [linode({ firewallId: undefined })], says: "no firewall" },
      {
        resources: [linode({ firewallId: undefined }), { ...inbound({}), from: { linodes: ["other"] } }],
        says: "no firewall",
      },
      { resources: [nova()], says: "no security group is named" },
      {
        resources: [nova({}, { from: { networks: ["control-a-port"] } }), port({})],
        says: "in no security group",
      },
    ],
    unknown: [{ resources: [nova({ securityGroups: unknown })] }],
    notApplicable: [{ resources: [local()] }],
  },
  "no-public-address": {
    pass: [
      { resources: [linode()] },
      { resources: [linode({ interfaces: [{ purpose: "public" }] }, { name: "support-a" })] },
      { resources: [linode({ interfaces: undefined, tags: ["load-balancer"] }, { name: "x" })] },
      { resources: [linode({ interfaces: [{ purpose: "public" }], tags: ["egress-public"] })] },
      {
        resources: [
          nova({}, { name: "edge-a", from: { networks: ["port"] } }),
          { type: "openstack:networking/port:Port", name: "port" },
          {
            type: "openstack:networking/floatingIp:FloatingIp",
            name: "anything",
            props: { portId: unknown },
            from: { portId: ["port"] },
          },
        ],
      },
    ],
    fail: [
      {
        resources: [linode({ interfaces: [{ purpose: "public" }] })],
        says: "this machine has a public address",
      },
      { resources: [linode({ interfaces: undefined })], says: "this machine" },
      {
        resources: [linode({ interfaces: [{ purpose: "vpc", ipv4: { nat11: "any" } }] })],
        says: "this machine",
      },
      {
        resources: [
          nova({}, { from: { networks: ["port"] } }),
          { type: "openstack:networking/port:Port", name: "port" },
          {
            type: "openstack:networking/floatingIpAssociate:FloatingIpAssociate",
            name: "support",
            props: { portId: unknown },
            from: { portId: ["port"] },
          },
        ],
        says: "control-a gets a public address",
      },
    ],
    unknown: [{ resources: [linode({ interfaces: unknown })] }],
    notApplicable: [
      { resources: [local()] },
      { resources: [linode({ interfaces: undefined })], config: { egress: "public" } },
    ],
  },
};
