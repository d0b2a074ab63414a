/** Drills in which nothing breaks: machines, certificates and authorities are changed while the cluster is used. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "../errors";
import { checkout } from "../lab";
import { until } from "../run";
import type { Drill } from "./cases";
import { type Ground, type Service, titles } from "./ground";
import { untilHealthy } from "./health";

/** `hashistack replace` of the first machine of a group. */
function replaceOne(group: string, what: string): Drill {
  return {
    name: `replace-${group}`,
    what: `${what} made anew by hashistack replace`,
    limitSeconds: 120,
    run: async (ground, mended) => {
      await ground.replace(ground.first(group));
      mended();
    },
  };
}

interface Served {
  /** SHA-256 of the certificate that a daemon shows, and of the one that lies in its folder. */
  readonly [port: string]: { readonly own: string; readonly shown: string };
}

/** Ports at which a machine's daemons show their certificates, with where these lie. */
function shownBy(roles: readonly string[]): string[] {
  const has = (...any: string[]): boolean => any.some((role) => roles.includes(role));
  return [
    ...(has("support") ? ["8443=/etc/ssl/support", "8888=/etc/ssl/support", "8210=/etc/ssl/support"] : []),
    ...(has("support") ? [] : ["8501=/etc/ssl/consul"]),
    ...(has("vault-server") ? ["8200=/etc/ssl/vault"] : []),
    ...(has("nomad-server", "nomad-client") ? ["4646=/etc/ssl/nomad"] : []),
  ];
}

const program = (): string => readFileSync(join(checkout(), "bench/drills/machine/certificates.py"), "utf8");

const certificates = (ground: Ground, machine: string, ...words: string[]): Promise<string> =>
  ground.inside(machine, "python3", "-I", "-c", program(), ...words);

/** What all machines show now, by machine and port. */
async function served(ground: Ground): Promise<Map<string, Served[string]>> {
  const all = await Promise.all(
    ground.machines().map(async (machine) => {
      const ports = shownBy(ground.outputs.machines[machine]?.roles ?? []);
      const found = JSON.parse(await certificates(ground, machine, "served", ...ports)) as Served;
      return Object.entries(found).map(([port, one]) => [`${machine}:${port}`, one] as const);
    }),
  );
  return new Map(all.flat());
}

/** Waits until every daemon shows another certificate than before, and the one that lies there. */
function renewed(ground: Ground, before: ReadonlyMap<string, Served[string]>): Promise<true> {
  return until(
    "another certificate of every daemon",
    120,
    async () => {
      const now = await served(ground);
      const old = [...now].filter(([at, { own, shown }]) => own !== shown || shown === before.get(at)?.shown);
      if (old.length > 0) throw new BenchError(`still the old one: ${old.map(([at]) => at).join(", ")}`);
      return true as const;
    },
    { everyMs: 1000, signal: ground.signal },
  );
}

/** One server of a service on machines of its own. */
const replaceServer = (service: Service): Drill => ({
  ...replaceOne(service, `a machine of ${titles[service]}'s own`),
  name: `separate-${service}`,
  topology: "separate",
});

/** The control machines' keys at first, and when there are more of them. */
const fewer = ["a", "b", "c"];
const more = [...fewer, "d", "e"];

export const changes: readonly Drill[] = [
  replaceOne("client", "a client"),
  replaceOne("edge", "a load balancer"),
  replaceOne("control", "a server machine"),
  replaceOne("support", "support"),
  {
    name: "replace-all",
    what: "every machine made anew, one after another, each when the cluster was healthy again",
    limitSeconds: 120,
    run: async (ground, mended) => {
      for (const machine of ground.machines()) {
        await untilHealthy(ground, { limitSeconds: 120 });
        await ground.replace(machine);
        mended();
      }
    },
  },
  {
    name: "renew-leaves",
    what: "all machines' certificates renewed by their timers in the same second",
    limitSeconds: 60,
    run: async (ground, mended) => {
      const before = await served(ground);
      const all = (verb: string) =>
        Promise.all(ground.machines().map((machine) => certificates(ground, machine, verb)));
      mended();
      await all("soon");
      await renewed(ground, before).finally(() => all("usual"));
    },
  },
  {
    name: "rotate-issuing",
    what: "all issuing authorities made anew by hashistack rotate, and all certificates by them",
    limitSeconds: 60,
    run: async (ground, mended) => {
      const before = await served(ground);
      await ground.hashistack("rotate", "consul", "vault", "nomad", "support", "site");
      mended();
      await renewed(ground, before);
    },
  },
  {
    name: "more-servers",
    what: "five server machines instead of three, by settings and hashistack up",
    limitSeconds: 120,
    run: async (ground, mended) => {
      ground.regroup("control", more);
      await ground.hashistack("up");
      mended();
    },
  },
  {
    name: "fewer-servers",
    what: "three server machines again, by settings and hashistack up",
    limitSeconds: 120,
    run: async (ground, mended) => {
      ground.regroup("control", more);
      await ground.hashistack("up");
      await untilHealthy(ground, { limitSeconds: 120 });
      ground.regroup("control", fewer);
      await ground.hashistack("up");
      mended();
    },
  },
  {
    name: "switch-ingress",
    what: "the other ingress by settings and hashistack up, and the first one again",
    limitSeconds: 60,
    run: async (ground, mended) => {
      const { task: before } = await ground.instanceOf("ingress", "ingress");
      for (const ingress of [before === "fabio" ? "traefik" : "fabio", before]) {
        await untilHealthy(ground, { limitSeconds: 60 });
        ground.configure((config) => {
          config["hashistack:site"] = { ingress };
        });
        await ground.hashistack("up");
      }
      mended();
    },
  },
  ...(["consul", "vault", "nomad"] as const).map(replaceServer),
  ...(
    [
      ["client", "a client beside separate servers"],
      ["edge", "a load balancer beside separate servers"],
      ["support", "support beside separate servers"],
    ] as const
  ).map(
    ([group, what]): Drill => ({
      ...replaceOne(group, what),
      name: `separate-${group}`,
      topology: "separate",
    }),
  ),
];
