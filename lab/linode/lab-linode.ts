import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminAddress, type Network } from "../machines/addresses.js";
import { openLab } from "../machines/lab.js";
import { namespacePath, outsideNamespace, strangerNamespace } from "../machines/names.js";
import { labSource } from "../machines/paths.js";
import { labDir } from "../machines/state.js";
import { endLab } from "../machines/verbs.js";
import { type LinodeApi, startLinodeApi } from "./index.js";
import { LabMachines } from "./lab-machines.js";
import { apiPort, openOutside } from "./outside.js";

export interface LabLinodeOptions {
  /** The lab's name; one of that name is ended first. */
  readonly lab: string;
  /** The machines' private network: the range of the VPC's subnet. Example: "10.20.0.0/24". */
  readonly subnet: string;
  readonly tokens?: readonly string[];
  /** Further programs of the toolchain in the account's image. Example: ["hashistack-acme"]. Default: none. */
  readonly programs?: readonly string[];
  /** Says aloud what an operator should know. Default: nobody hears it. */
  readonly say?: (words: string) => void;
}

/** An emulated Linode whose instances are machines of a lab. */
export interface LabLinode {
  readonly api: LinodeApi;
  /** Where the API answers, asked from the lab's outside. */
  readonly url: string;
  /** Arguments that run a command outside, from an admin's address, with names asked of the emulated domains. */
  fromOutside(command: readonly string[]): string[];
  /** The same from the address of somebody who is no admin. */
  fromStranger(command: readonly string[]): string[];
  /** Ends emulator and lab. */
  close(): Promise<void>;
}

/** Raises a lab with an emulated Linode outside it. Needs root, the build and the machines' image with programs. */
export async function raiseLinode(options: LabLinodeOptions): Promise<LabLinode> {
  const { lab, subnet, tokens, programs, say = () => undefined } = options;
  await endLab(lab, say);
  const network: Network = { ipv4: subnet, ipv6: "fd00:1ab::/64" };
  const begun: (() => Promise<unknown>)[] = [() => endLab(lab, say)];
  /** What was begun last is ended first, each whatever becomes of the others. */
  const close = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const end of begun.splice(0).reverse()) await end().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    await openLab(lab, network);
    const socket = join(labDir(lab), "linode.sock");
    const machines = new LabMachines(lab, network, say, programs);
    const api = await startLinodeApi({ tokens, machines, listen: socket, paceMs: 100, say });
    begun.push(() => api.close());
    begun.push(await openOutside(lab, socket));
    return {
      api,
      url: `http://127.0.0.1:${apiPort}`,
      fromOutside: outsideOf(lab),
      // The DNS server answers on the admin's address too.
      fromStranger: withNames(lab, strangerNamespace(lab), adminAddress.ipv4),
      close,
    };
  } catch (error) {
    // What went wrong first counts.
    await close().catch(() => undefined);
    throw error;
  }
}

/** Words that run a command outside of a lab, from an admin's address, with names asked of the emulated domains. */
export const outsideOf = (lab: string): LabLinode["fromOutside"] =>
  withNames(lab, outsideNamespace(lab), "127.0.0.1");

function withNames(lab: string, namespace: string, server: string): LabLinode["fromOutside"] {
  const names = join(labDir(lab), `${namespace}.resolv.conf`);
  writeFileSync(names, `nameserver ${server}\n`, { mode: 0o644 });
  return (command) => [
    "nsenter",
    `--net=${namespacePath(namespace)}`,
    "unshare",
    "--mount",
    "--propagation=private",
    join(labSource(), "linode/scripts/with-names.sh"),
    names,
    ...command,
  ];
}
