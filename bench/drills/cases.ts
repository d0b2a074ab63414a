/** The drills: each a bad thing that happens to the cluster. */
import { setTimeout as sleep } from "node:timers/promises";
import { changes } from "./changes";
import { disks } from "./disks";
import { type Ground, type Service, services, titles } from "./ground";
import { untilHealthy } from "./health";

/** Whose failures are to be expected in a drill: shown, but no miss. A write that was acknowledged is never excused. */
export interface Excuse {
  readonly who: readonly ("visitors" | "writes" | "jobs")[];
  readonly why: string;
}

export interface Drill {
  /** Example: "kill-consul-leader". */
  readonly name: string;
  /** What happens, for the table. */
  readonly what: string;
  /** Limit for the cluster to be healthy again after it was mended. */
  readonly limitSeconds: number;
  readonly excused?: Excuse;
  /** On which stack: the dev stack, unless servers are to be on machines of their own. */
  readonly topology?: "separate";
  /** Makes ready what the drill needs. The load is at work, what fails of it is not counted. */
  readonly before?: (ground: Ground) => Promise<void>;
  /**
   * Does it, and mends what does not mend itself.
   * @param mended to be called when somebody begins to mend it; where nobody does, it mends from its begin on
   */
  readonly run: (ground: Ground, mended: () => void) => Promise<void>;
  /** Puts back what was made for this drill alone, when it is over. As little counted. */
  readonly after?: (ground: Ground) => Promise<void>;
}

/** How long things stay away before somebody mends them. For a client long enough that Nomad gives its work to others. */
const away = { server: 20, client: 45 } as const;

const hold = (ground: Ground, seconds: number): Promise<void> =>
  sleep(seconds * 1000, undefined, { signal: ground.signal });

/** The daemons of a service: the leader's and one that follows. */
function killServers(service: Service): Drill[] {
  const title = titles[service];
  const unit = `${service}.service`;
  return [
    {
      name: `kill-${service}-leader`,
      what: `kill -9 of ${title}'s leading server`,
      limitSeconds: 60,
      run: async (ground) => ground.killUnit((await ground.leaders())[service], unit),
    },
    {
      name: `kill-${service}-follower`,
      what: `kill -9 of a following ${title} server`,
      limitSeconds: 60,
      run: async (ground) => ground.killUnit(await ground.follower(service), unit),
    },
  ];
}

/** Units of one machine, each killed at once. */
function killUnits(name: string, what: string, group: string, units: readonly string[]): Drill {
  return {
    name: `kill-${name}`,
    what: `kill -9 of ${what}`,
    limitSeconds: 60,
    run: async (ground) => {
      await Promise.all(units.map((unit) => ground.killUnit(ground.first(group), `${unit}.service`)));
    },
  };
}

/** The power of a machine fails; later it is started. The cable first: a machine without power says goodbye to nobody. */
async function powerCut(ground: Ground, machine: string, seconds: number, mended: () => void): Promise<void> {
  await ground.cable(machine, "pull");
  await ground.power("kill", machine);
  await hold(ground, seconds);
  mended();
  await ground.cable(machine, "plug");
  await ground.power("start", machine);
}

/** @param seconds without power */
export function powerEdge(seconds: number = away.client): Drill {
  return {
    name: "power-edge",
    what: `power cut of a load balancer; started after ${seconds} s`,
    limitSeconds: 120,
    run: async (ground, mended) => powerCut(ground, ground.first("edge"), seconds, mended),
  };
}

/** A machine runs on, cut off from all others. */
async function cutOff(ground: Ground, machine: string, seconds: number, mended: () => void): Promise<void> {
  await ground.cable(machine, "pull");
  await hold(ground, seconds);
  mended();
  await ground.cable(machine, "plug");
}

/** The machine that leads most of the three services. */
async function mostLeading(ground: Ground): Promise<string> {
  const leaders = Object.values(await ground.leaders());
  const count = (name: string): number => leaders.filter((leader) => leader === name).length;
  return leaders.sort((a, b) => count(b) - count(a))[0] as string;
}

/** A server machine that leads nothing, or least. */
async function leastLeading(ground: Ground): Promise<string> {
  const leaders = Object.values(await ground.leaders());
  const count = (name: string): number => leaders.filter((leader) => leader === name).length;
  return ground.machines("consul-server").sort((a, b) => count(a) - count(b))[0] as string;
}

/** A server's data are gone, its identity and configuration are not: a disk that was replaced. */
function wipe(service: Service): Drill {
  const title = titles[service];
  return {
    name: `wipe-${service}`,
    what: `all data of a following ${title} server deleted, nothing else done`,
    limitSeconds: 120,
    run: async (ground) => {
      const machine = await ground.follower(service);
      await ground.inside(machine, "systemctl", "stop", `${service}.service`);
      await ground.inside(machine, "find", `/var/lib/${service}`, "-mindepth", "1", "-delete");
      await ground.inside(machine, "systemctl", "start", `${service}.service`);
    },
  };
}

export const drills: readonly Drill[] = [
  ...services.flatMap(killServers),
  {
    name: "kill-all-leaders",
    what: "kill -9 of the leading servers of all three at once",
    limitSeconds: 60,
    run: async (ground) => {
      const leaders = await ground.leaders();
      await Promise.all(services.map((service) => ground.killUnit(leaders[service], `${service}.service`)));
    },
  },
  killUnits("client-agents", "a client's Consul and Nomad", "client", ["consul", "nomad"]),
  killUnits("edge-agents", "a load balancer's Consul and Nomad", "edge", ["consul", "nomad"]),
  {
    name: "kill-fabio",
    what: "kill -9 of the ingress on one load balancer",
    limitSeconds: 60,
    run: async (ground) => {
      const { machine, task } = await ground.instanceOf("ingress", "ingress");
      await ground.killTask(machine, task);
    },
  },
  {
    name: "kill-website",
    what: "kill -9 of one of the site's two instances",
    limitSeconds: 60,
    run: async (ground) => ground.killTask((await ground.instanceOf("website", "website")).machine, "caddy"),
  },
  killUnits("unsealer", "the unsealer", "support", ["unsealer"]),
  killUnits("signer", "the signer and its gate", "support", ["hashistack-signer", "hashistack-signer-gate"]),
  killUnits("nginx", "nginx on support: artifacts and the way to the APIs", "support", ["nginx"]),
  {
    name: "power-leader",
    what: `power cut of the server machine that leads most; started after ${away.server} s`,
    limitSeconds: 120,
    run: async (ground, mended) => powerCut(ground, await mostLeading(ground), away.server, mended),
  },
  {
    name: "power-follower",
    what: `power cut of a server machine that leads least; started after ${away.server} s`,
    limitSeconds: 120,
    run: async (ground, mended) => powerCut(ground, await leastLeading(ground), away.server, mended),
  },
  {
    name: "power-client",
    what: `power cut of a client; started after ${away.client} s`,
    limitSeconds: 120,
    run: async (ground, mended) => powerCut(ground, ground.first("client"), away.client, mended),
  },
  powerEdge(),
  {
    name: "power-support",
    what: `power cut of support; started after ${away.server} s`,
    limitSeconds: 120,
    run: async (ground, mended) => powerCut(ground, ground.first("support"), away.server, mended),
  },
  {
    name: "cut-leader",
    what: `the server machine that leads most cut from the network for ${away.server} s`,
    limitSeconds: 120,
    run: async (ground, mended) => cutOff(ground, await mostLeading(ground), away.server, mended),
  },
  {
    name: "cut-follower",
    what: `a server machine that leads least cut from the network for ${away.server} s`,
    limitSeconds: 120,
    run: async (ground, mended) => cutOff(ground, await leastLeading(ground), away.server, mended),
  },
  {
    name: "cut-client",
    what: `a client cut from the network for ${away.client} s`,
    limitSeconds: 120,
    run: async (ground, mended) => cutOff(ground, ground.first("client"), away.client, mended),
  },
  ...services.map(wipe),
  ...disks,
  {
    name: "reboot-each",
    what: "all machines rebooted one after another, each when the cluster was healthy again",
    limitSeconds: 120,
    run: async (ground, mended) => {
      for (const machine of ground.machines()) {
        await untilHealthy(ground, { limitSeconds: 120 });
        mended();
        await ground.power("reboot", machine);
      }
    },
  },
  ...changes,
  {
    name: "stop-all",
    what: "all machines halted at once, then all started at once",
    limitSeconds: 180,
    excused: { who: ["visitors", "writes", "jobs"], why: "there is nothing that could answer" },
    run: async (ground, mended) => {
      await Promise.all(ground.machines().map((machine) => ground.power("stop", machine)));
      mended();
      await Promise.all(ground.machines().map((machine) => ground.power("start", machine)));
    },
  },
];
