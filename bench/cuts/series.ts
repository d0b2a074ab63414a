/** Cuts one after another, on the smallest cluster, in a project and a lab of their own. */
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkpointFile } from "../../cli/workspace";
import { checkout, Lab } from "../lab";
import { makeProject, type Project, stack } from "../project";
import { type Cut, cutRun } from "./cut";
import { hashistack, recovered } from "./finish";
import type { Point } from "./points";
import { problemsOf } from "./verify";

/** What came of one point. */
export interface Outcome {
  readonly point: Point;
  readonly cut?: Cut;
  /** What the next run said of taking it up. */
  readonly recovered: readonly string[];
  /** Seconds of the run that finished it. */
  readonly finishSeconds?: number;
  /** What is wrong; none when it was finished well. */
  readonly problems: readonly string[];
}

function settings(clients: string): string {
  return [
    "config:",
    "  hashistack:name: dev",
    "  hashistack:groups:",
    "    support: { roles: [support], keys: [a] }",
    "    control: { roles: [consul-server, vault-server, nomad-server], keys: [a] }",
    `    client: { roles: [nomad-client], keys: [${clients}], nodeClass: general }`,
    "    edge: { roles: [nomad-client], keys: [a], nodeClass: load-balancer, public: true }",
    "  hashistack:site: { instances: 1 }",
    "",
  ].join("\n");
}

/** Cuts on one cluster, which each leaves as the next one can use it. */
export class Series {
  private readonly lab: Lab;
  private readonly project: Project;
  /** Whether a whole cluster is there. */
  private up = false;

  /** @param what keeps two series of one host apart. Example: "bench" */
  constructor(what: string) {
    const place = createHash("sha256").update(checkout()).digest("hex").slice(0, 6);
    this.lab = new Lab(`cuts-${what}-${place}`);
    this.project = makeProject({ lab: this.lab.name });
  }

  /** Ends what is there, and what a killed series left. */
  async clear(): Promise<void> {
    await this.lab.down();
    rmSync(this.project.workspace.directory, { recursive: true, force: true });
    this.up = false;
  }

  async close(): Promise<void> {
    await this.clear();
    this.project.remove();
  }

  /** Cuts one run at a point, finishes it by the command line, and looks at what is there then. Never throws. */
  async run(point: Point): Promise<Outcome> {
    let cut: Cut | undefined;
    try {
      await this.prepare(point);
      const verb = point.run === "destroy" ? "destroy" : "up";
      this.up = false;
      cut = await cutRun(this.project, this.lab.name, verb, point.when);
      const begun = performance.now();
      const ran = await hashistack(this.project, verb, "--json");
      const finishSeconds = (performance.now() - begun) / 1000;
      const found = { point, cut, finishSeconds, recovered: recovered(ran.stderr) };
      if (ran.code !== 0)
        return { ...found, problems: [`${verb} ended with ${ran.code}: ${ran.stderr.trim()}`] };
      if (verb === "destroy") return { ...found, problems: await this.leftovers() };
      const problems = await problemsOf(this.project, this.lab, 4);
      this.up = problems.length === 0;
      return { ...found, problems };
    } catch (error) {
      return { point, cut, recovered: [], problems: [(error as Error).message] };
    }
  }

  /** Brings about what the point's run begins with. */
  private async prepare(point: Point): Promise<void> {
    if (point.run === "up" || !this.up) await this.clear();
    this.configure("a");
    if (point.run === "up") return;
    if (point.run === "scale-in") this.configure("a, b");
    const { code, stderr } = await hashistack(this.project, "up", "--json");
    if (code !== 0) throw new Error(`the up before the cut: ${stderr.trim()}`);
    this.configure("a");
  }

  private configure(clients: string): void {
    writeFileSync(join(this.project.workspace.root, `Pulumi.${stack}.yaml`), settings(clients));
  }

  private async leftovers(): Promise<string[]> {
    const machines = await this.lab.machines();
    const { checkpoint } = JSON.parse(
      readFileSync(checkpointFile(this.project.workspace, stack), "utf8"),
    ) as {
      checkpoint: { latest?: { resources?: { urn: string }[]; pending_operations?: unknown[] } };
    };
    const { resources = [], pending_operations: pending = [] } = checkpoint.latest ?? {};
    return [
      ...(machines.length > 0 ? [`machines are left: ${machines.join(", ")}`] : []),
      ...(resources.length > 0 ? [`resources are left: ${resources.map(({ urn }) => urn).join(", ")}`] : []),
      ...(pending.length > 0 ? ["pending operations are left"] : []),
    ];
  }
}
