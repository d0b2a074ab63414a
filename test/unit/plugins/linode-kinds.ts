import type { admin } from "./linode-target";
import type { Values } from "./plugin-under-test";

/** One kind of resource under its contract. */
export interface KindCase {
  token: string;
  /** Makes what must be there before, and answers inputs that name it. */
  needs?(ask: ReturnType<typeof admin>): Promise<Values>;
  inputs: Values;
  /** Where the API shows it, and what it shows. */
  path(id: string, inputs: Values): string;
  there: Values;
  /** Computed outputs, as far as they are the same every time. */
  outputs: Values;
  /** Inputs that change it in place, and what the API shows then. */
  change: Values;
  thereAfter: Values;
  /** Changes that mean the same and are none. */
  same?: Values;
  /** Inputs whose change replaces it. */
  replaces: Values;
  /** Inputs that are refused at preview, and by which words. */
  refused: [Values, RegExp][];
}

export const VPC = "linode:index/vpc:Vpc";
export const SUBNET = "linode:index/vpcSubnet:VpcSubnet";
export const FIREWALL = "linode:index/firewall:Firewall";
export const GROUP = "linode:index/placementGroup:PlacementGroup";
export const RECORD = "linode:index/domainRecord:DomainRecord";
export const SCRIPT = "linode:index/stackScript:StackScript";
export const INSTANCE = "linode:index/instance:Instance";

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Every kind but the instance. What replaces is by RequiresReplace and ForceNew of terraform-provider-linode 3.1.1. */
export const kindCases: KindCase[] = [
  {
    token: VPC,
    inputs: { label: "contract-vpc", region: "us-east", description: "first" },
    path: (id) => `vpcs/${id}`,
    there: { label: "contract-vpc", region: "us-east", description: "first" },
    outputs: { created: time, updated: time },
    change: { label: "contract-vpc-b", region: "us-east", description: "second" },
    thereAfter: { label: "contract-vpc-b", description: "second" },
    replaces: { region: "eu-central" },
    refused: [],
  },
  {
    token: SUBNET,
    needs: async (ask) => {
      const { body } = await ask("POST", "vpcs", { label: "contract-of-subnet", region: "us-east" });
      return { vpcId: body.id };
    },
    inputs: { label: "machines", ipv4: "10.1.0.0/24" },
    path: (id, { vpcId }) => `vpcs/${vpcId}/subnets/${id}`,
    there: { label: "machines", ipv4: "10.1.0.0/24" },
    outputs: { created: time, updated: time, linodes: [] },
    change: { label: "others", ipv4: "10.1.0.0/24" },
    thereAfter: { label: "others" },
    replaces: { ipv4: "10.2.0.0/24", vpcId: 1 },
    refused: [],
  },
  {
    token: FIREWALL,
    inputs: {
      label: "contract-firewall",
      tags: ["cluster:dev", "Machines"],
      inboundPolicy: "DROP",
      outboundPolicy: "ACCEPT",
      inbounds: [
        {
          label: "site",
          action: "ACCEPT",
          protocol: "TCP",
          ports: "80, 443",
          ipv4s: ["0.0.0.0/0"],
          ipv6s: ["::/0"],
        },
        { label: "private", action: "ACCEPT", protocol: "ICMP", ipv4s: ["10.0.0.0/24"] },
      ],
    },
    path: (id) => `networking/firewalls/${id}`,
    there: {
      status: "enabled",
      tags: ["cluster:dev", "Machines"],
      rules: {
        inbound: [
          { label: "site", ports: "80, 443", addresses: { ipv4: ["0.0.0.0/0"], ipv6: ["::/0"] } },
          { label: "private", protocol: "ICMP", addresses: { ipv4: ["10.0.0.0/24"] } },
        ],
        inbound_policy: "DROP",
        outbound: [],
        outbound_policy: "ACCEPT",
      },
    },
    outputs: { created: time, updated: time, status: "enabled", devices: [], linodes: [] },
    change: {
      label: "contract-other",
      tags: ["cluster:dev"],
      disabled: true,
      inboundPolicy: "DROP",
      outboundPolicy: "DROP",
      inbounds: [
        { label: "admins", action: "ACCEPT", protocol: "TCP", ports: "22", ipv4s: ["192.0.2.1/32"] },
      ],
      outbounds: [
        { label: "all-out", action: "ACCEPT", protocol: "UDP", ports: "1-65535", ipv4s: ["0.0.0.0/0"] },
      ],
    },
    thereAfter: {
      label: "contract-other",
      status: "disabled",
      tags: ["cluster:dev"],
      rules: {
        inbound: [{ label: "admins", ports: "22" }],
        outbound: [{ label: "all-out", protocol: "UDP" }],
        outbound_policy: "DROP",
      },
    },
    same: { tags: ["machines", "cluster:dev"] },
    replaces: {},
    refused: [
      [{ label: "a".repeat(33) }, /label/],
      [{ inboundPolicy: "REJECT" }, /inboundPolicy|inbound_policy/],
      [{ inbounds: [{ label: "all", action: "ACCEPT", protocol: "GRE", ipv4s: ["::/0"] }] }, /protocol/],
      [{ inbounds: [{ label: "all", action: "ACCEPT", protocol: "TCP", ipv4s: [] }] }, /ipv4/],
    ],
  },
  {
    token: SCRIPT,
    inputs: {
      label: "contract-script",
      description: "first",
      script: '#!/bin/bash\n# <UDF name="who" label="Who it is for" default="you" />\necho "$WHO"\n',
      images: ["any/all"],
    },
    path: (id) => `linode/stackscripts/${id}`,
    there: { label: "contract-script", description: "first", images: ["any/all"], is_public: false },
    outputs: {
      created: time,
      updated: time,
      deploymentsActive: 0,
      deploymentsTotal: 0,
      userDefinedFields: [
        { name: "who", label: "Who it is for", example: "", default: "you", oneOf: "", manyOf: "" },
      ],
    },
    change: {
      label: "contract-other",
      description: "second",
      script: "#!/bin/sh\ntrue\n",
      images: ["private/1"],
    },
    thereAfter: { label: "contract-other", description: "second", script: "#!/bin/sh\ntrue\n" },
    replaces: { isPublic: true },
    refused: [],
  },
  {
    token: GROUP,
    inputs: {
      label: "contract-group",
      region: "us-east",
      placementGroupType: "anti_affinity:local",
      placementGroupPolicy: "flexible",
    },
    path: (id) => `placement/groups/${id}`,
    there: { label: "contract-group", placement_group_policy: "flexible", members: [] },
    outputs: { isCompliant: true, members: [] },
    change: {
      label: "contract-group-b",
      region: "us-east",
      placementGroupType: "anti_affinity:local",
      placementGroupPolicy: "flexible",
    },
    thereAfter: { label: "contract-group-b" },
    replaces: { region: "eu-central", placementGroupType: "affinity:local" },
    refused: [[{ placementGroupPolicy: "lax" }, /placementGroupPolicy|placement_group_policy/]],
  },
  {
    token: RECORD,
    needs: async (ask) => {
      const domain = { domain: "contract.example.org", type: "master", soa_email: "a@example.org" };
      const { body } = await ask("POST", "domains", domain);
      return { domainId: body.id };
    },
    inputs: { name: "www", recordType: "AAAA", target: "2001:db8::7", ttlSec: 300 },
    path: (id, { domainId }) => `domains/${domainId}/records/${id}`,
    there: { name: "www", type: "AAAA", target: "2001:db8::7", ttl_sec: 300 },
    outputs: {},
    change: { name: "*.www", recordType: "AAAA", target: "2001:db8::8", ttlSec: 3600 },
    thereAfter: { name: "*.www", target: "2001:db8::8", ttl_sec: 3600 },
    same: { ttlSec: 299 },
    replaces: { recordType: "A", domainId: 1 },
    refused: [
      [{ recordType: "ALIAS" }, /recordType|record_type/],
      [{ priority: 256 }, /priority/],
    ],
  },
];
