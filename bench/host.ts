/** What the figures were measured on. */
import { availableParallelism, freemem, loadavg, release, totalmem } from "node:os";

export interface Host {
  readonly cores: number;
  /** Load averages of 1, 5 and 15 minutes when the bench began. */
  readonly load: readonly number[];
  readonly memoryMb: number;
  readonly freeMb: number;
  readonly kernel: string;
  readonly node: string;
  readonly at: string;
}

/** Looks at the host now. */
export function lookAtHost(): Host {
  const mb = (bytes: number): number => Math.round(bytes / 2 ** 20);
  return {
    cores: availableParallelism(),
    load: loadavg(),
    memoryMb: mb(totalmem()),
    freeMb: mb(freemem()),
    kernel: release(),
    node: process.version,
    at: new Date().toISOString(),
  };
}

/** Whether something else was at work: then all figures are too high. Pure. */
export function wasBusy({ load, cores }: Pick<Host, "load" | "cores">): boolean {
  return (load[0] ?? 0) > cores / 4;
}
