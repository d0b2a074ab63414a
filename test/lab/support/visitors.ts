import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Entry, type Tally, tally, within } from "../../../bench/drills/ledger";
import { checkout } from "../../../bench/lab";
import { type Trial, until } from "./trial";

/** Visitors of a trial's site, from outside, at a constant rate: some who retry and as many who do not. */

const kinds = { retrying: true, once: false } as const;
const limitSeconds = 600;

export class Visitors {
  private readonly entries: Entry[] = [];
  private mark = 0;
  private failure?: string;

  private constructor(private readonly child: ChildProcess) {}

  /** @param authorities roots that they trust, PEM */
  static async start(trial: Trial, authorities: string, perSecond = 20): Promise<Visitors> {
    const { loadBalancers, machines } = await trial.outputs();
    const balancers = loadBalancers.map(({ name }) =>
      [machines[name]?.publicIpv6, machines[name]?.publicIpv4].filter((address) => address !== undefined),
    );
    const common = { kind: "site", perSecond, balancers, port: 443, serverName: "www.dev.test" };
    const loads = Object.entries(kinds).map(([name, retry]) => ({
      ...{ ...common, name, retry, ca: authorities, text: "Kept in Vault for www.dev.test." },
    }));
    const program = join(checkout(), "bench/drills/load/main.mjs");
    const [node = "", ...args] = trial.lab.argv("exec", "outside", "--", process.execPath, program);
    const child = spawn(node, args, { stdio: ["pipe", "pipe", "inherit"] });
    const visitors = new Visitors(child);
    child.on("error", (error) => {
      visitors.failure ??= error.message;
    });
    child.on("close", (code) => {
      visitors.failure ??= `ended with ${code}`;
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = JSON.parse(line) as Entry | { mark: number };
      if ("mark" in told) visitors.mark = told.mark;
      else visitors.entries.push(told);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.write(`${JSON.stringify({ seconds: limitSeconds, loads })}\n`);
    await visitors.settled(Date.now());
    return visitors;
  }

  /** What became of the visits that were under way at any moment since then, when all of them have ended. */
  async since(from: number): Promise<Record<keyof typeof kinds, Tally>> {
    const to = Date.now();
    await this.settled(to);
    const of = (name: string) =>
      tally(
        within(
          this.entries.filter(({ load }) => load === name),
          { from, to },
        ),
      );
    return { retrying: of("retrying"), once: of("once") };
  }

  /** Since when no visit failed at its first try: seconds without trouble up to now. */
  calmSeconds(): number {
    const trouble = this.entries.filter(({ ok, tries }) => !ok || tries > 1).map(({ at, ms }) => at + ms);
    return (Date.now() - Math.max(0, ...trouble)) / 1000;
  }

  private async settled(moment: number): Promise<void> {
    await until("the end of the visits under way", 30, async () => {
      if (this.failure) throw new Error(`the visitors: ${this.failure}`);
      return this.mark >= moment ? true : undefined;
    });
  }

  /** Sends them home. */
  end(): void {
    this.child.stdin?.end();
  }
}
