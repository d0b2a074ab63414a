/** Drills with the disk that holds a server's data. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { checkout } from "../lab";
import type { Drill } from "./cases";
import { type Ground, type Service, services, titles } from "./ground";
import { untilHealthy } from "./health";

/** How long a disk stays full: files have room inside, for a while. */
const fullSeconds = 60;

/** All that a service's daemon writes to. */
const folders: Readonly<Record<Service, readonly string[]>> = {
  consul: ["/var/lib/consul"],
  vault: ["/var/lib/vault", "/var/log/vault"],
  nomad: ["/var/lib/nomad"],
};

const program = (): string => readFileSync(join(checkout(), "bench/drills/machine/disk.py"), "utf8");

type Verb = "small" | "fill" | "free" | "large";

const disk = (ground: Ground, machine: string, verb: Verb, service: Service): Promise<string> =>
  ground.inside(machine, "python3", "-I", "-c", program(), verb, `${service}.service`, ...folders[service]);

/** One after another, each when the cluster was healthy again. */
async function moveData(ground: Ground, service: Service, verb: Verb): Promise<void> {
  for (const machine of ground.machines(`${service}-server`)) {
    await untilHealthy(ground, { limitSeconds: 120 });
    await disk(ground, machine, verb, service);
  }
  await untilHealthy(ground, { limitSeconds: 120 });
}

/**
 * The leader can write no more. Before that the data of all servers of the service are moved to file systems of their own:
 * the machine's is the host's here, and who would lead then is not known before.
 */
function fullDisk(service: Service): Drill {
  const title = titles[service];
  return {
    name: `full-${service}`,
    what: `all file systems that ${title}'s leading server writes to full for ${fullSeconds} s`,
    limitSeconds: 120,
    before: async (ground) => moveData(ground, service, "small"),
    run: async (ground, mended) => {
      const machine = (await ground.leaders())[service];
      await disk(ground, machine, "fill", service);
      await sleep(fullSeconds * 1000, undefined, { signal: ground.signal });
      mended();
      await disk(ground, machine, "free", service);
    },
    after: async (ground) => moveData(ground, service, "large"),
  };
}

export const disks: readonly Drill[] = services.map(fullDisk);
