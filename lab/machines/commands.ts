import {
  adminAddress,
  gatewayOf,
  type MachineAddresses,
  type Network,
  outsideGateway,
  outsideNetwork,
  prefixLength,
  publicNetwork,
  strangerAddress,
} from "./addresses.js";
import {
  machineLink,
  machineNamespace,
  namespacePath,
  outsideNamespace,
  routerNamespace,
  strangerNamespace,
} from "./names.js";

/** Arguments of the programs that make machines and networks: pure functions, so that a test reads what would run. */

/** A colon parts layers, a comma parts options; the kernel takes a backslash before either. */
const escapeOption = (path: string): string => path.replace(/([\\:,])/g, "\\$1");

/** Mount options of a machine's disk. Layers are given lowest first. */
export function overlayOptions(layers: readonly string[], upper: string, work: string): string {
  const lower = [...layers].reverse().map(escapeOption).join(":");
  return `lowerdir=${lower},upperdir=${escapeOption(upper)},workdir=${escapeOption(work)}`;
}

/** What a machine must not do to the host: set its clock, load modules, reach its ports and memory. */
const droppedCapabilities = [
  "CAP_SYS_TIME",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_WAKE_ALARM",
  "CAP_SYS_PACCT",
];

/** Boots a machine whose disk is mounted at `root`. It ends with status 133 when the machine asked for a reboot. */
export function nspawnArgv(lab: string, name: string, root: string): string[] {
  return [
    "systemd-nspawn",
    "--quiet",
    `--directory=${root}`,
    `--machine=${name}`,
    "--register=no",
    "--keep-unit",
    "--kill-signal=SIGRTMIN+3",
    `--network-namespace-path=${namespacePath(machineNamespace(lab, name))}`,
    "--capability=all",
    `--drop-capability=${droppedCapabilities.join(",")}`,
    // Nomad's executor and consul use keyrings and bpf where the kernel offers them.
    "--system-call-filter=@keyring bpf perf_event_open",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
    "--console=pipe",
    "/sbin/lab-init",
  ];
}

/** Environment of nspawn: the machine may set its own network's sysctls, and /tmp is on its disk. */
export const nspawnEnvironment: Record<string, string> = {
  SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network",
  SYSTEMD_NSPAWN_TMPFS_TMP: "0",
};

/** Makes the lab's cables: lines for `ip -batch` on the host, where no end of any of them ever lies. */
export const labCables = (lab: string): string[] => [
  `link add eth0 netns ${outsideNamespace(lab)} type veth peer name outside netns ${routerNamespace(lab)}`,
  `link add eth0 netns ${strangerNamespace(lab)} type veth peer name stranger netns ${routerNamespace(lab)}`,
];

/** Lines for `ip -batch` in the router: the machines' bridge with the public prefixes on it, and the outside. */
export function routerLines(network: Network): string[] {
  const gateway = gatewayOf(network);
  const bridge = (name: string, mac: string): string[] => [
    // Without snooping: nothing here asks who listens, and neighbour discovery would be lost.
    `link add ${name} address ${mac} type bridge forward_delay 0 mcast_snooping 0`,
    `link set ${name} up`,
  ];
  return [
    "link set lo up",
    ...bridge("lab0", "02:1a:b0:00:01:01"),
    `addr add ${gateway.ipv4}/${prefixLength(network.ipv4)} dev lab0`,
    `addr add ${gateway.ipv6}/${prefixLength(network.ipv6)} dev lab0 nodad`,
    `route add ${publicNetwork.ipv4} dev lab0 src ${gateway.ipv4}`,
    `route add ${publicNetwork.ipv6} dev lab0 src ${gateway.ipv6}`,
    ...bridge("out0", "02:1a:b0:00:01:02"),
    "link set outside master out0 up",
    "link set stranger master out0 up",
    `addr add ${outsideGateway.ipv4}/${prefixLength(outsideNetwork.ipv4)} dev out0`,
    `addr add ${outsideGateway.ipv6}/${prefixLength(outsideNetwork.ipv6)} dev out0 nodad`,
  ];
}

/** Lines for `ip -batch` in a namespace of the outside. */
export const outsiderLines = (address: Network): string[] => [
  "link set lo up",
  `addr add ${address.ipv4}/${prefixLength(outsideNetwork.ipv4)} dev eth0`,
  `addr add ${address.ipv6}/${prefixLength(outsideNetwork.ipv6)} dev eth0 nodad`,
  "link set eth0 up",
  `route add default via ${outsideGateway.ipv4}`,
  `route add default via ${outsideGateway.ipv6}`,
];
export const adminLines = (): string[] => outsiderLines(adminAddress);
export const strangerLines = (): string[] => outsiderLines(strangerAddress);

/** Settings of the router's kernel. */
export const routerSysctls: readonly string[] = [
  "net.ipv4.ip_forward=1",
  "net.ipv6.conf.all.forwarding=1",
  "net.ipv4.conf.all.send_redirects=0",
  "net.ipv4.conf.default.send_redirects=0",
  "net.ipv6.conf.default.accept_dad=0",
];

/**
 * The router's rules, as a cloud's network has them: from outside only the public prefixes are reached; machines reach
 * each other and the outside; the router itself answers nobody outside but a ping.
 */
export const routerRules = (): string => `
table inet lab {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lab0" oifname { "lab0", "out0" } accept
    # Where the kernel shows bridged packets here (br_netfilter): who is outside reaches who else is.
    iifname "out0" oifname "out0" accept
    iifname "out0" oifname "lab0" ip saddr ${outsideNetwork.ipv4} ip daddr ${publicNetwork.ipv4} accept
    iifname "out0" oifname "lab0" ip6 saddr ${outsideNetwork.ipv6} ip6 daddr ${publicNetwork.ipv6} accept
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "out0" ct state established,related accept
    iifname "out0" meta l4proto { icmp, ipv6-icmp } accept
    iifname "out0" drop
  }
}
`;

/** Makes a machine's cable: one line for `ip -batch` on the host. */
export const machineCable = (lab: string, name: string, index: number, mac: string): string =>
  `link add eth0 netns ${machineNamespace(lab, name)} address ${mac} type veth ` +
  `peer name ${machineLink(index)} netns ${routerNamespace(lab)}`;

/** Lines for `ip -batch` in a machine's namespace. A public machine speaks to the outside from its public addresses. */
export function machineLines(addresses: MachineAddresses, network: Network): string[] {
  const gateway = gatewayOf(network);
  const lines = [
    "link set lo up",
    `addr add ${addresses.privateIpv4}/${prefixLength(network.ipv4)} dev eth0`,
    `addr add ${addresses.privateIpv6}/${prefixLength(network.ipv6)} dev eth0 nodad`,
  ];
  if (addresses.publicIpv4) lines.push(`addr add ${addresses.publicIpv4}/32 dev eth0`);
  if (addresses.publicIpv6) lines.push(`addr add ${addresses.publicIpv6}/128 dev eth0 nodad`);
  lines.push("link set eth0 up");
  lines.push(
    `route add default via ${gateway.ipv4}${addresses.publicIpv4 ? ` src ${addresses.publicIpv4}` : ""}`,
  );
  lines.push(
    `route add default via ${gateway.ipv6}${addresses.publicIpv6 ? ` src ${addresses.publicIpv6}` : ""}`,
  );
  return lines;
}

/** The line for `ip -batch` in the router that joins a machine's cable to the bridge. */
export const plugLine = (index: number): string => `link set ${machineLink(index)} master lab0 up`;

/**
 * Whether something listens on a TCP port, by the text of a process's net/tcp or net/tcp6: proc(5).
 * @param address IPv4; any where none is given
 */
export function listens(table: string, port: number, address?: string): boolean {
  const bytes = address?.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  const local = `${bytes?.reverse().join("") ?? ""}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
  return table.split("\n").some((line) => {
    const [, at = "", , state] = line.trim().split(/\s+/);
    return (address === undefined ? at.endsWith(local) : at === local) && state === "0A";
  });
}
