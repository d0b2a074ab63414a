import type { Cloud } from "../../../components/clouds/cloud";
import { LinodeCloud } from "../../../components/clouds/linode";
import { LocalCloud } from "../../../components/clouds/local";
import { OpenStackCloud } from "../../../components/clouds/openstack";
import { opened } from "../cluster/deployment";
import type { Answers, Asked } from "./recording";
import { linodeAnswers, openstackAnswers } from "./requests";

/** Each cloud with the words that it has for the contract's. */

export interface CloudUnderTest {
  readonly kind: string;
  make(): Cloud;
  readonly answers: Answers;
  /** The resource that is the machine. Example: "compute.Instance". */
  readonly machineKind: string;
  /** The input that makes it another machine. */
  readonly renamedBy: string;
  /** The input that carries the first contact. */
  readonly birth: string;
  /** A size that is not the default. */
  readonly otherSize: string;
  /** What that input tells the machine, as a text. */
  told(birth: unknown): string;
  /** The first contact in it. */
  contact(birth: unknown): unknown;
  /** Whether the filter knows who comes; the lab's router does, its machines are told ports alone. */
  readonly saysSources: boolean;
  readonly adminSources: string[];
  /** Whether the world comes by IPv6, too. */
  readonly ipv6World: boolean;
  /** What is let in to a machine from outside, sorted. Example: "tcp 443 from 0.0.0.0/0". */
  lets(resources: readonly Asked[], machine: string): string[];
  /** A resource without what lists the cluster's machines. */
  withoutMembers<T extends Pick<Asked, "kind" | "inputs">>(one: T): unknown;
}

const adminCidrs = ["203.0.113.0/24", "2001:db8:7::/64"];

interface LabSpec {
  name: string;
  public: boolean;
  publicPorts: number[];
  host?: number;
  firstContact: unknown;
}

const numbers = new Map<string, number>();
const numberOf = (name: string) => {
  const number = numbers.get(name) ?? numbers.size + 20;
  numbers.set(name, number);
  return number;
};

const local: CloudUnderTest = {
  kind: "local",
  make: () => new LocalCloud({ ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64", bake: true, memoryMb: 1024 }),
  answers: {
    resource: ({ name, inputs }) => {
      const spec = JSON.parse(opened<string>(inputs.stdin)) as LabSpec;
      const number = spec.host ?? numberOf(name);
      const outside = { publicIpv4: `203.0.113.${number}`, forwardAddress: `127.77.0.${number}` };
      const answer = {
        id: `${name}.1234`,
        privateIpv4: `198.51.100.${number}`,
        privateIpv6: `fd00:1ab::${number}`,
        ...(spec.public ? outside : {}),
      };
      return { stdout: JSON.stringify(answer) };
    },
  },
  machineKind: "local.Command",
  renamedBy: "triggers",
  birth: "stdin",
  otherSize: "any",
  told: (birth) => String(birth),
  contact: (birth) => (JSON.parse(String(birth)) as LabSpec).firstContact,
  saysSources: false,
  adminSources: [],
  ipv6World: false,
  lets: (resources, machine) => {
    const found = resources.find(({ id }) => id === `local.Command ${machine}`);
    const { publicPorts } = JSON.parse(opened<string>(found?.inputs.stdin)) as LabSpec;
    return publicPorts.map((port) => `tcp ${port} from anywhere`).sort();
  },
  withoutMembers: (one) => one,
};

const openstack: CloudUnderTest = {
  kind: "openstack",
  make: () =>
    new OpenStackCloud({
      cluster: "campus",
      image: "hashistack-2026-11",
      size: "m1.medium",
      externalNetwork: "public",
      ipv4: "10.20.0.0/24",
      ipv6: "2001:db8:20::/64",
      ipv6Routed: true,
      adminCidrs,
    }),
  answers: openstackAnswers,
  machineKind: "compute.Instance",
  renamedBy: "name",
  birth: "userData",
  otherSize: "m1.large",
  told: (birth) => String(birth),
  contact: (birth) => birth,
  saysSources: true,
  adminSources: adminCidrs,
  ipv6World: true,
  lets: (resources, machine) => {
    const port = resources.find(({ id }) => id === `networking.Port ${machine}`);
    const groups = port?.inputs.securityGroupIds as string[];
    return resources
      .filter(({ kind }) => kind === "networking.SecGroupRule")
      .filter(
        ({ inputs }) => inputs.direction === "ingress" && groups.includes(String(inputs.securityGroupId)),
      )
      .filter(
        ({ inputs }) => inputs.remoteIpPrefix !== "10.20.0.0/24" && inputs.remoteGroupId !== "members-id",
      )
      .map(({ inputs }) => `${inputs.protocol} ${inputs.portRangeMin} from ${inputs.remoteIpPrefix}`)
      .sort();
  },
  withoutMembers: (one) => one,
};

const linode: CloudUnderTest = {
  kind: "linode",
  make: () =>
    new LinodeCloud({
      cluster: "campus",
      region: "nl-ams",
      image: "private/1",
      type: "g6-standard-2",
      ipv4: "10.1.0.0/24",
      adminCidrs,
      backups: true,
    }),
  answers: linodeAnswers,
  machineKind: "linode.Instance",
  renamedBy: "label",
  birth: "metadatas",
  otherSize: "g6-standard-4",
  told: (birth) => Buffer.from((birth as [{ userData: string }])[0].userData, "base64").toString(),
  contact: (birth) => birth,
  saysSources: true,
  adminSources: adminCidrs,
  ipv6World: true,
  lets: (resources, machine) => {
    const instance = resources.find(({ id }) => id === `linode.Instance ${machine}`);
    const firewall = resources.find(
      ({ id, kind }) => kind === "linode.Firewall" && instance?.dependencies.includes(id),
    );
    const rules = firewall?.inputs.inbounds as {
      protocol: string;
      ports?: string;
      ipv4s?: string[];
      ipv6s?: string[];
    }[];
    return rules
      .filter(({ ipv4s }) => !ipv4s?.includes("10.1.0.0/24"))
      .flatMap(({ protocol, ports, ipv4s = [], ipv6s = [] }) =>
        (ports ?? "")
          .split(", ")
          .flatMap((port) =>
            [...ipv4s, ...ipv6s].map((source) => `${protocol.toLowerCase()} ${port} from ${source}`),
          ),
      )
      .sort();
  },
  withoutMembers: (one) => one,
};

export const cloudsUnderTest: readonly CloudUnderTest[] = [local, linode, openstack];
