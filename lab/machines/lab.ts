import { existsSync, rmdirSync } from "node:fs";
import { assertNetwork, freeLoopback, type Network } from "./addresses.js";
import { adminLines, labCables, routerLines, routerRules, routerSysctls, strangerLines } from "./commands.js";
import { exitCodes, LabError } from "./errors.js";
import { makeLabGroups, planStands } from "./groups.js";
import { namespacePath, outsideNamespace, routerNamespace, stateRoot, strangerNamespace } from "./names.js";
import { run } from "./run.js";
import {
  allLabs,
  bootId,
  entries,
  type LabRecord,
  readLab,
  withHostLock,
  withLabLock,
  writeLab,
} from "./state.js";

/** A lab whose namespaces and control groups stand in the present boot. */
export type OpenLab = LabRecord & Required<Pick<LabRecord, "cgroups" | "boot">>;

/**
 * Opens a lab, making what of it is missing: its record, its loopback range, its namespaces, its control groups.
 * @param network the machines' network; undefined to take the recorded one
 */
export async function openLab(lab: string, network: Network | undefined): Promise<OpenLab> {
  if (network) assertNetwork(network);
  const known = standing(lab);
  if (known) return sameNetwork(known, network);
  return withLabLock(lab, async () => {
    // Another caller may have made it in the meantime.
    const made = standing(lab);
    if (made) return sameNetwork(made, network);
    const record = readLab(lab) ?? (await recordLab(lab, network));
    sameNetwork(record, network);
    const cgroups = await makeLabGroups(lab);
    await makeNetwork(lab, record.network);
    const open = { ...record, cgroups, boot: bootId() };
    writeLab(open);
    return open;
  });
}

/** The lab, if all that is its own stands in the present boot. */
export function standing(lab: string): OpenLab | undefined {
  const record = readLab(lab);
  if (!record?.cgroups || record.boot !== bootId() || !planStands(record.cgroups)) return undefined;
  if (!existsSync(namespacePath(routerNamespace(lab)))) return undefined;
  return { ...record, cgroups: record.cgroups, boot: record.boot };
}

function sameNetwork<T extends LabRecord>(record: T, network: Network | undefined): T {
  const { ipv4, ipv6 } = record.network;
  if (network && (network.ipv4 !== ipv4 || network.ipv6 !== ipv6)) {
    throw new LabError(
      `The lab ${record.lab} has the network ${ipv4} and ${ipv6}; "hashistack-lab down" ends it, then it can have another.`,
      exitCodes.usage,
    );
  }
  return record;
}

async function recordLab(lab: string, network: Network | undefined): Promise<LabRecord> {
  if (!network) throw new LabError(`There is no lab ${lab}.`);
  return withHostLock(async () => {
    const loopback = freeLoopback(new Set(allLabs().map((other) => other.loopback)));
    const record: LabRecord = { lab, network, loopback };
    writeLab(record);
    return record;
  });
}

/** The router, the outside and the stranger, afresh: a cut run may have left some of them half made. */
async function makeNetwork(lab: string, network: Network): Promise<void> {
  const [router, outside, stranger] = [routerNamespace(lab), outsideNamespace(lab), strangerNamespace(lab)];
  await removeNamespaces([router, outside, stranger]);
  for (const namespace of [router, outside, stranger]) await ip(["netns", "add", namespace]);
  await ipBatch([], labCables(lab));
  await run(["nsenter", `--net=${namespacePath(router)}`, "sysctl", "-qw", ...routerSysctls], {
    what: "The router's sysctls",
  });
  await Promise.all([
    ipBatch(["-n", router], routerLines(network)),
    ipBatch(["-n", outside], adminLines()),
    ipBatch(["-n", stranger], strangerLines()),
  ]);
  await run(["nsenter", `--net=${namespacePath(router)}`, "nft", "-f", "-"], {
    input: routerRules(),
    what: "The router's rules",
  });
}

/** Runs ip(8). Throws a LabError with its last words. */
export const ip = (args: readonly string[]): Promise<string> =>
  run(["ip", ...args], { what: `ip ${args.join(" ")}` });

/** Runs lines of `ip -batch`, all or up to the first that fails. Throws a LabError with its last words. */
export const ipBatch = (options: readonly string[], lines: readonly string[]): Promise<string> =>
  run(["ip", ...options, "-batch", "-"], { input: `${lines.join("\n")}\n`, what: "ip -batch" });

/** Removes namespaces that exist. Processes in them keep the namespace, not its name. */
export async function removeNamespaces(namespaces: readonly string[]): Promise<void> {
  for (const namespace of namespaces) {
    if (existsSync(namespacePath(namespace))) await ip(["netns", "del", namespace]);
  }
}

/** All namespaces of a lab that have a name. */
export const namespacesOf = (lab: string): string[] =>
  entries("/run/netns").filter((name) => name.startsWith(`${lab}.`));

/** Removes the directory of all labs when it is empty. */
export function removeEmptyStateRoot(): void {
  try {
    rmdirSync(stateRoot);
  } catch (error) {
    if (!["ENOTEMPTY", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}
