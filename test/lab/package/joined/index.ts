import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import {
  applyPlan,
  ClusterMachine,
  ConsulClient,
  type GivenCertificate,
  LocalCloud,
  type PlanFragment,
} from "pulumi-hashistack";

/** What the owners of a Consul tell a newcomer. */
interface Theirs {
  datacenter: string;
  address: string;
  gossipKey: string;
  token: string;
  certificate: GivenCertificate;
}

const theirs: Theirs = JSON.parse(readFileSync("theirs.json", "utf8"));
const login = new tls.PrivateKey("login", { algorithm: "ED25519" });
const network = "198.51.100.0/24";

const machine = new ClusterMachine("web", {
  cloud: new LocalCloud({ ipv4: network, ipv6: "fd00:1ab::/64", bake: true, memoryMb: 512 }),
  cluster: "joined",
  public: true,
  openings: [{ from: "admins", protocol: "tcp", port: 22, service: "SSH" }],
  family: "ipv4",
  user: "ops",
  privateKey: login.privateKeyOpenssh,
  publicKey: login.publicKeyOpenssh.apply((line) => line.trim()),
});

const consul = new ConsulClient("web", {
  node: machine.cloudName,
  datacenter: theirs.datacenter,
  version: "1.21.0",
  address: machine.address,
  servers: [theirs.address],
  gossipKey: pulumi.secret(theirs.gossipKey),
  agentToken: pulumi.secret(theirs.token),
  dnsToken: pulumi.secret(theirs.token),
  given: pulumi.secret(theirs.certificate),
});

const walls: PlanFragment = {
  zones: [
    {
      name: "admins",
      sources: ["192.0.2.10/32"],
      ports: [{ port: "22", protocol: "tcp" }],
      description: "Administrators",
    },
    {
      name: "members",
      sources: [network],
      ports: [
        { port: "8301", protocol: "tcp" },
        { port: "8301", protocol: "udp" },
      ],
      description: "Gossip",
    },
  ],
};

applyPlan(
  "web",
  {
    machine: "web",
    hostname: machine.cloudName,
    connection: machine.connection,
    machineId: machine.machineId,
    fragments: { walls, "consul-client": consul.plan },
  },
  { dependsOn: [machine.enrolled], deletedWith: machine.resource },
);

export const node = machine.cloudName;
