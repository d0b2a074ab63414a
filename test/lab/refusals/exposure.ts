import { loadBalancerClass, type MachineSpec, type Role } from "../../../components/topology/model";
import {
  isPlace,
  loopbackPorts,
  type Neighbour,
  neighboursOf,
  openPorts,
  type Port,
  portNumbers,
  portText,
  reachable,
} from "../../../components/topology/ports";

/** Who reaches what, as expectations: from the table of ports alone, for any mix of roles. Nothing here needs a machine. */

type Spec = Pick<MachineSpec, "roles" | "nodeClass">;

/** A kind of machine: its name in the table and the roles that make it one. */
export interface Kind extends Spec {
  readonly name: string;
}

const servers: Role[] = ["consul-server", "vault-server", "nomad-server"];

/** Every kind that the settings allow, servers together and alone. */
export const kinds: readonly Kind[] = [
  { name: "support", roles: ["support"] },
  { name: "servers", roles: servers },
  ...servers.map((role): Kind => ({ name: role, roles: [role] })),
  { name: "client", roles: ["nomad-client"], nodeClass: "general" },
  { name: "load-balancer", roles: ["nomad-client"], nodeClass: loadBalancerClass },
];

/** Who knocks: somebody from outside, an administrator, or a machine of a kind. */
export const knockers = ["stranger", "admin", ...kinds.map(({ name }) => name)] as const;
export type Knocker = (typeof knockers)[number];

/** The kind of a machine of a stack. */
export function kindOf(spec: Spec): Kind {
  const same = (kind: Kind) =>
    isPlace(kind as MachineSpec, "load-balancer") === isPlace(spec as MachineSpec, "load-balancer") &&
    [...kind.roles].sort().join() === [...spec.roles].sort().join();
  const found = kinds.find(same);
  if (!found) throw new Error(`no kind of the table has the roles ${spec.roles.join(", ")}`);
  return found;
}

export function neighbours(knocker: Knocker): Neighbour[] {
  if (knocker === "stranger") return ["world"];
  if (knocker === "admin") return ["admins", "world"];
  const kind = kinds.find(({ name }) => name === knocker);
  if (!kind) throw new Error(`nobody is called ${knocker}`);
  return neighboursOf(kind.roles);
}

/** What a machine's filter lets through to a knocker: text of ports with the protocol. Example: "8301/udp". */
export function opened(spec: Spec, knocker: Knocker): Set<string> {
  const lines = reachable(spec as MachineSpec, neighbours(knocker));
  return new Set(
    lines.flatMap(({ port, protocols }) => protocols.map((protocol) => `${portText(port)}/${protocol}`)),
  );
}

/** Whether that lets a port through. */
export function isOpen(open: ReadonlySet<string>, port: number, protocol: "tcp" | "udp"): boolean {
  return [...open].some((text) => {
    const [ports = "", of] = text.split("/");
    const [first = "", last = first] = ports.split("-");
    return of === protocol && Number(first) <= port && port <= Number(last);
  });
}

/** Ports on which a machine of the kind has something that may be knocked at, by anybody: what may listen beyond loopback. */
export function listening(spec: Spec): Set<string> {
  return new Set(
    openPorts
      .filter((line) => isPlace(spec as MachineSpec, line.to))
      .flatMap(({ port, protocols }) => protocols.map((protocol) => `${portText(port)}/${protocol}`)),
  );
}

/** Every port that has a name, and those of loopback, which must be closed to all. */
const rows: readonly (readonly [Port, "tcp" | "udp"])[] = (() => {
  const named = Object.values(portNumbers) as readonly Port[];
  const all = [...named, ...loopbackPorts.map(({ port }) => port)];
  const first = (port: Port) => (typeof port === "number" ? port : port[0]);
  const once = [...new Map(all.map((port) => [portText(port), port])).values()];
  const udp = new Set(
    openPorts.filter(({ protocols }) => protocols.includes("udp")).map(({ port }) => portText(port)),
  );
  return once
    .sort((a, b) => first(a) - first(b))
    .flatMap((port) =>
      (udp.has(portText(port)) ? (["tcp", "udp"] as const) : (["tcp"] as const)).map(
        (p) => [port, p] as const,
      ),
    );
})();

/** The whole of it for a reviewer: a block for each kind of machine, a row for each port, a column for each knocker. */
export function exposureText(): string {
  const width = (text: string) => Math.max(text.length, 6);
  const head = `${"".padEnd(17)}${knockers.map((who) => `  ${who.padEnd(width(who))}`).join("")}`.trimEnd();
  const blocks = kinds.map((kind) => {
    const open = knockers.map((who) => opened(kind, who));
    const lines = rows.map(([port, protocol]) => {
      const text = `${portText(port)}/${protocol}`;
      const cells = knockers.map((who, column) => {
        const word = open[column]?.has(text) ? "open" : "-";
        return `  ${word.padEnd(width(who))}`;
      });
      return `  ${text.padEnd(15)}${cells.join("")}`.trimEnd();
    });
    return [`to ${kind.name}`.padEnd(17) + head.slice(17), ...lines, ""].join("\n");
  });
  return [
    'Who reaches which port. "-" is silence: no answer, not even a refusal. So is every port that has no row, from everybody.',
    "Knockers from outside find public addresses alone; to private ones nothing of them comes through.",
    "",
    ...blocks,
  ].join("\n");
}
