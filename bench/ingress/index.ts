/** What an ingress costs: both of them beside nginx on the same machine and beside the service alone, in one run. */
import type { IngressKind } from "../../components/settings";
import { ensureTools } from "../../lab/toolchain";
import { bringUp, onOwnCluster } from "../bring-up";
import { Ground } from "../drills/ground";
import { BenchError } from "../errors";
import { editSettings } from "../project";
import { until } from "../run";
import { type LoadFigure, loadOn } from "./load";
import { nginxConfig, nginxPort, startNginx, stopNginx } from "./nginx";

/** One ingress, and what it stands beside, measured within the same minute. */
export interface IngressPass {
  readonly ingress: LoadFigure;
  /** On the same machine. */
  readonly nginx: LoadFigure;
  /** Asked from the same machine, with nobody between. */
  readonly alone: LoadFigure;
}

export type IngressRun = Readonly<Record<IngressKind, IngressPass>>;

/** A page of the service's that costs it next to nothing: so what stands before it costs most. */
const path = "/health";

const edge = "edge-a";

const machines = { control: ["a"], client: ["a", "b"], edge: ["a"] };

/** Measures it once, on a small cluster of its own: two instances, one load balancer. Takes it down unless `keep`. */
export async function measureIngress(
  signal: AbortSignal,
  keep: boolean,
  say: (words: string) => void,
): Promise<IngressRun> {
  const [tool] = await ensureTools(["bombardier"]);
  if (!tool) throw new BenchError("bombardier is not to be had");
  return onOwnCluster({ what: "ingress", signal, keep, say }, async (project, lab) => {
    editSettings(project.workspace.root, ({ "hashistack:groups": groups }) => {
      for (const [group, keys] of Object.entries(machines)) Object.assign(groups[group] ?? {}, { keys });
    });
    say("bringing up the stack");
    const ground = new Ground(lab, await bringUp(project, signal), signal, project);
    const fabio = await pass(ground, tool.path, signal, say, "fabio");
    ground.configure((config) => {
      config["hashistack:site"] = { ingress: "traefik" };
    });
    say("Traefik in Fabio's place");
    await ground.hashistack("up");
    return { fabio, traefik: await pass(ground, tool.path, signal, say, "traefik") };
  });
}

async function pass(
  ground: Ground,
  program: string,
  signal: AbortSignal,
  say: (words: string) => void,
  kind: IngressKind,
): Promise<IngressPass> {
  const instances = await until("two instances of the website", 60, async () => {
    const found = await ground.ask<{ Service: { Address: string; Port: number } }[]>(
      "consul",
      "/v1/health/service/website?passing",
    );
    return found.length === 2
      ? found.map(
          ({ Service: { Address, Port } }) => `${Address.includes(":") ? `[${Address}]` : Address}:${Port}`,
        )
      : undefined;
  });
  const { data } = await ground.ask<{ data: { cert: string; key: string } }>(
    "vault",
    "/v1/certificates/ingress/ingress/site",
  );
  await startNginx(ground, edge, { ...data, config: nginxConfig(instances, "website.service.consul") });
  const on = async (what: string, url: string): Promise<LoadFigure> => {
    say(`load on ${what}`);
    return loadOn(ground.lab, ground.id(edge), program, { url }, signal);
  };
  try {
    return {
      alone: await on("one instance alone", `https://${instances[0]}${path}`),
      nginx: await on("nginx", `https://127.0.0.1:${nginxPort}${path}`),
      ingress: await on(kind, `https://127.0.0.1${path}`),
    };
  } finally {
    await stopNginx(ground, edge);
  }
}
