import * as linode from "@pulumi/linode";

// pulumi preview --policy-pack node_modules/pulumi-hashistack-policy --policy-pack-config policy.json

const firewall = new linode.Firewall("web", {
  label: "web",
  inboundPolicy: "DROP",
  outboundPolicy: "ACCEPT",
  inbounds: [
    {
      label: "https",
      action: "ACCEPT",
      protocol: "TCP",
      ports: "443",
      ipv4s: ["0.0.0.0/0"],
      ipv6s: ["::/0"],
    },
    // Take the line away, or put 0.0.0.0/0 there: the rule no-open-admin-ports stops the second before it is made.
    { label: "ssh", action: "ACCEPT", protocol: "TCP", ports: "22", ipv4s: ["203.0.113.7/32"] },
  ],
});

export const web = new linode.Instance("web", {
  label: "web",
  region: "de-fra-2",
  type: "g6-nanode-1",
  image: "private/12345678",
  tags: ["load-balancer"],
  firewallId: firewall.id.apply(Number),
  authorizedKeys: [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2Yw0P4mQ0dYl5z3yX0m2hVJ1z7n1w1q8m9r4t5u6vS somebody@example.org",
  ],
}).id;
