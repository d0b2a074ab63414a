import { createHash } from "node:crypto";
import { exitCodes, LabError } from "./errors.js";

/** Where the labs of this host keep their state. */
export const stateRoot = "/var/lib/hashistack-lab";

/** Lock files: of no worth once nobody holds them. */
export const lockRoot = "/run/lock/hashistack-lab";

/** First element of every cgroup path of every lab. */
export const cgroupRoot = "hashistack-lab";

/** Names a machine cannot have: `exec` uses them for the lab's own namespaces. */
export const reservedNames: readonly string[] = ["router", "outside", "stranger"];

/**
 * The lab's name: what was asked for, else `$HASHISTACK_LAB`, else one made from the checkout's path, so that two
 * checkouts on one host do not meet. Throws a LabError for a name that would not make a valid namespace or path.
 */
export function labName(
  asked: string | undefined,
  environment: string | undefined,
  checkout: string,
): string {
  const name = asked || environment || `hs${createHash("sha256").update(checkout).digest("hex").slice(0, 6)}`;
  if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
    throw new LabError(
      `The lab's name "${name}" must be 1 to 31 of a-z, 0-9 and "-", and not begin with "-".`,
      exitCodes.usage,
    );
  }
  return name;
}

/** The lab's own namespaces. A dot parts the fields: neither a lab nor a machine has one in its name. */
export const routerNamespace = (lab: string): string => `${lab}.router`;
export const outsideNamespace = (lab: string): string => `${lab}.outside`;
export const strangerNamespace = (lab: string): string => `${lab}.stranger`;
export const machineNamespace = (lab: string, machine: string): string => `${lab}.m.${machine}`;

/** Where iproute2 keeps a named namespace. */
export const namespacePath = (namespace: string): string => `/run/netns/${namespace}`;

/** The router's end of a machine's cable. Lies in the lab's router namespace, so it needs no lab in its name. */
export const machineLink = (index: number): string => `m${index}`;

/** The service that holds the lab's cgroups where systemd manages a pure v2 tree. */
export const holderUnit = (lab: string): string => `hashistack-lab-${lab}.service`;
