import type { MachineRequest } from "../../../components/clouds/cloud";
import type { Answers } from "./recording";

/** Machines that every cloud is asked for, and what the clouds' plugins would answer. */

function base(name: string): Pick<MachineRequest, "name" | "cloudName" | "firstContact"> {
  return {
    name,
    cloudName: `campus-${name}-12345678`,
    firstContact: {
      user: "ops",
      authorizedKeys: ["ssh-ed25519 AAAA login"],
      hostKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nthrow-away\n-----END OPENSSH PRIVATE KEY-----\n",
    },
  };
}

const opening = (from: string, port: number, service: string) => ({ from, protocol: "tcp", port, service });

/** The pet: reached by admins, found by its number. */
export const support: MachineRequest = {
  ...base("support-a"),
  public: true,
  host: 2,
  stateful: true,
  spread: "support",
  openings: [opening("admins", 22, "SSH"), opening("admins", 8200, "Vault")],
};

/** A load balancer: reached by anybody. */
export function web(name: string): MachineRequest {
  return {
    ...base(name),
    public: true,
    spread: "edge",
    openings: [opening("world", 80, "site, redirect"), opening("world", 443, "site")],
  };
}

/** A machine that nobody outside reaches. */
export function worker(name: string): MachineRequest {
  return { ...base(name), public: false, openings: [] };
}

/** A number for a machine that asked for none, the same whenever it is asked. */
function numberOf(name: string): number {
  return name === "edge-a"
    ? 77
    : 20 + ([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 50);
}

interface FixedIp {
  subnetId: string;
  ipAddress?: string;
}

interface Interface {
  purpose: string;
  ipv4?: { vpc?: string };
}

/** What Linode answers: IPv6 with its prefix length. */
export const linodeAnswers: Answers = {
  resource: ({ kind, name, inputs }): Record<string, unknown> =>
    kind !== "linode.Instance"
      ? {}
      : {
          interfaces: (inputs.interfaces as Interface[]).map((one) =>
            one.purpose === "vpc"
              ? { ...one, ipv4: { vpc: one.ipv4?.vpc ?? `10.1.0.${numberOf(name)}` } }
              : one,
          ),
          ipv4s: [`192.0.2.${numberOf(name)}`],
          ipv6: `2001:db8:6::${numberOf(name)}/128`,
        },
  // The account's domains are there before any stack.
  call: () => ({ id: 4711 }),
};

/** What OpenStack answers. */
export const openstackAnswers: Answers = {
  resource: ({ kind, name, inputs }): Record<string, unknown> => {
    if (kind === "networking.Port") {
      const any = (subnet: string) =>
        subnet.includes("ipv6") ? `2001:db8:20::${numberOf(name)}` : `10.20.0.${numberOf(name)}`;
      // Neutron answers them in no order that one may count on.
      const fixed = (inputs.fixedIps as FixedIp[]).map(
        ({ subnetId, ipAddress }) => ipAddress ?? any(subnetId),
      );
      return { allFixedIps: fixed.reverse() };
    }
    return kind === "networking.FloatingIp" ? { address: `192.0.2.${numberOf(name)}` } : {};
  },
  call: (token, { name }) => ({
    id: token.startsWith("openstack:images") ? `image-${name}` : `net-${name}`,
  }),
};
