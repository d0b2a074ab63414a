import type { PlanFragment } from "../provisioning/plan";
import { loadBalancerClass } from "../topology/model";
import { type OpenPort, openPorts, type Port, portNumbers, portsWith, portText } from "../topology/ports";

/** What a client's table of filters is made of. Plain values. */
export interface TaskFilter {
  /** Nomad node class of the client. */
  readonly nodeClass: string;
  /** The private networks of all machines: CIDRs of either family. */
  readonly networks: readonly string[];
  /** Addresses in them, of either family, from which nobody may reach a task: servers and support. */
  readonly others: readonly string[];
  /**
   * Which of "nomad", "consul" and "vault" the ingress publishes: load balancers' tasks reach their APIs, other clients'
   * do not. Default none.
   */
  readonly published?: readonly string[];
  /** Whether the machine goes out by a tunnel to support. Default false. */
  readonly tunnel?: boolean;
}

/** Where clouds tell a machine of itself, its keys and whoever it may act for: Linode, OpenStack and others like them. */
export const metadataAddresses = {
  ipv4: ["169.254.169.254"],
  ipv6: ["fd00:a9fe:a9fe::1", "fe80::a9fe:a9fe", "fd00:ec2::254"],
} as const;

/** What tasks themselves use of that which other machines let a client reach. */
const forTasks: readonly Port[] = [portNumbers.vaultApi, portNumbers.artifacts, portNumbers.dynamic];

/** What a table opens to clients, and tasks have no use for. */
const closing = (ports: readonly OpenPort[]): Port[] =>
  ports
    .filter(({ from }) => from.includes("members") || from.includes("nomad-client"))
    .map(({ port }) => port)
    .filter((port) => !forTasks.includes(port));

/** What a client's own daemons reach on other machines, and its tasks do not. */
export const closedToTasks: readonly Port[] = closing(openPorts);

const table = "hashistack";
const path = "/etc/hashistack/tasks.nft";
const unit = `${table}-tasks.service`;

/** Example: "{ 4647, 8300 }". */
const portSet = (ports: readonly Port[]): string => {
  const first = (port: Port): number => (typeof port === "number" ? port : port[0]);
  return `{ ${[...ports]
    .sort((a, b) => first(a) - first(b))
    .map(portText)
    .join(", ")} }`;
};

/** Rules for both families, of those that there are. Sorted, so that the order of addresses is no change. */
function rules(
  addresses: readonly string[],
  rule: (match: string) => string,
  way: "saddr" | "daddr",
): string[] {
  const of = (family: string, found: readonly string[]): string[] =>
    found.length > 0 ? [rule(`${family} ${way} { ${[...found].sort().join(", ")} }`)] : [];
  return [
    ...of(
      "ip",
      addresses.filter((address) => !address.includes(":")),
    ),
    ...of(
      "ip6",
      addresses.filter((address) => address.includes(":")),
    ),
  ];
}

/**
 * The table of a client's packet filter that is about tasks, beside firewalld's: what they may not reach though their
 * machine may, and who reaches what they publish from a network of their own, which passes firewalld's zones by.
 *
 * Tasks run as anybody but root and Consul's agent; Nomad sees to that (see `renderNomadClient`).
 */
export function renderTaskFilter({ nodeClass, networks, others, published, tunnel }: TaskFilter): string {
  const metadata = [...metadataAddresses.ipv4, ...metadataAddresses.ipv6];
  const balances = nodeClass === loadBalancerClass;
  const world = balances ? [portNumbers.http, portNumbers.https] : [];
  // The ingress is a task: what is published it must reach, and for no other client's task is it open.
  const shut = balances ? closedToTasks : closing(portsWith(published));
  const chain = (name: string, lines: readonly string[]): string[] => [
    `  chain ${name} {`,
    ...lines.map((line) => `    ${line}`),
    "  }",
  ];
  return [
    // Told of first, so that it can be deleted the first time too: all of this is one transaction.
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    ...chain("closed", [
      ...rules(metadata, (match) => `${match} reject with icmpx admin-prohibited`, "daddr"),
      ...rules(
        networks,
        (match) =>
          `${match} meta l4proto { tcp, udp } th dport ${portSet(shut)} reject with icmpx admin-prohibited`,
        "daddr",
      ),
    ]),
    ...chain("published", [
      ...(world.length > 0 ? [`meta l4proto tcp ct original proto-dst ${portSet(world)} return`] : []),
      ...rules(others, (match) => `${match} drop`, "saddr"),
      ...rules(
        networks,
        (match) =>
          `${match} meta l4proto { tcp, udp } ct original proto-dst ${portText(portNumbers.dynamic)} return`,
        "saddr",
      ),
      "drop",
    ]),
    ...chain("output", [
      "type filter hook output priority filter; policy accept;",
      'meta skuid { "root", "consul" } accept',
      // The kernel's own, which belongs to nobody: while it has this port no task can send from it.
      ...(tunnel ? [`udp sport ${portNumbers.tunnel} udp dport ${portNumbers.tunnel} accept`] : []),
      "jump closed",
    ]),
    ...chain("forward", [
      "type filter hook forward priority filter; policy accept;",
      "ct state established,related accept",
      'iifname != "nomad" ct status dnat jump published',
      "jump closed",
    ]),
    "}",
    "",
  ].join("\n");
}

/** The table as a file, and a unit that loads it before any task starts. */
export function taskFilterFragment(filter: TaskFilter): Required<Pick<PlanFragment, "files" | "units">> {
  const content = [
    "[Unit]",
    "Description=What tasks may reach, and who reaches them",
    // Both are torn down and built up without the other.
    "After=firewalld.service",
    "Before=nomad.service",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    `ExecStart=/usr/sbin/nft --file ${path}`,
    `ExecReload=/usr/sbin/nft --file ${path}`,
    `ExecStop=/usr/sbin/nft delete table inet ${table}`,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
    "",
  ].join("\n");
  return {
    files: [
      {
        path,
        content: renderTaskFilter(filter),
        owner: "root",
        group: "root",
        mode: "0644",
        notifies: [{ unit, action: "reload" }],
      },
    ],
    units: [
      {
        ...{ name: unit, content, enable: true, onChange: "restart" },
        table: { name: `inet ${table}`, file: path },
      },
    ],
  };
}
