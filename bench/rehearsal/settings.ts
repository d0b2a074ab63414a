import { BenchError } from "../errors";

/** The settings of a stack at Linode, as far as a rehearsal looks at them. */
export interface StackConfig {
  "linode:eventPollMs"?: number;
  "hashistack:cloud"?: {
    kind?: string;
    image?: string;
    protect?: boolean;
    backups?: boolean;
    egress?: string;
    bootstrap?: string;
  };
  "hashistack:network"?: { ipv4?: string };
  "hashistack:adminCidrs"?: string[];
  "hashistack:groups"?: Record<string, { keys: string[]; size?: string }>;
  "hashistack:timing"?: { newMachineMinutes?: number };
  "hashistack:site"?: { domain?: string; instances?: number };
  "hashistack:dns"?: { domain?: string; owned?: boolean };
  "hashistack:acme"?: object;
  [setting: string]: unknown;
}

/** The image of the emulated account that has packages and programs in it. */
const image = "private/1";
/** From where a lab's admin comes. */
const admins = ["192.0.2.10/32", "fd00:1ab:ff::10/128"];
/** How often the provider asks for events: the emulated Linode bears more than the true one. */
const eventPollMs = 500;

/**
 * Changes what must be otherwise in a rehearsal: what is marked as the owner's own, and, with `small`, how many machines
 * there are; with `nat`, how they go out.
 * @returns a line for each change
 * @throws BenchError for a stack that is not at Linode
 */
export function adapt(config: StackConfig, small: boolean, nat = false): string[] {
  const cloud = config["hashistack:cloud"];
  if (cloud?.kind !== "linode")
    throw new BenchError(
      `only a stack at Linode can be rehearsed; this one's cloud is ${cloud?.kind ?? "local"}`,
    );
  const changes = [
    `cloud.image: ${image} in place of ${cloud.image}`,
    `adminCidrs: ${admins.join(", ")}, the lab's admin`,
    `linode:eventPollMs: ${eventPollMs}`,
  ];
  cloud.image = image;
  config["hashistack:adminCidrs"] = admins;
  config["linode:eventPollMs"] = eventPollMs;
  if (nat) {
    cloud.egress = "nat";
    // Both are for whoever cannot have the usual: one rehearsal plays both.
    cloud.bootstrap = "stackscript";
    changes.push("cloud.egress: nat", "cloud.bootstrap: stackscript");
  }
  if (small) {
    for (const [name, group] of Object.entries(config["hashistack:groups"] ?? {})) {
      const [first, ...others] = group.keys;
      if (first === undefined || others.length === 0) continue;
      group.keys = [first];
      changes.push(`groups.${name}.keys: [${first}], without ${others.join(", ")}`);
    }
  }
  return changes;
}
