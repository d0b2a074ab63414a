/** Runs operations so that the engine's cancellation and a resource's time limit end them. */
import type { EngineLog } from "./engine-log";
import type { Call } from "./kinds";

export class Operations {
  private readonly running = new Set<AbortController>();
  private cancelled = false;

  constructor(private readonly log: EngineLog) {}

  /** Ends everything that runs, and refuses what comes after. */
  cancel(): void {
    this.cancelled = true;
    for (const controller of this.running) controller.abort(new Error("cancelled"));
  }

  /**
   * Runs one operation.
   * @param seconds its time limit; 0 is none.
   */
  async run<T>(urn: string, name: string, seconds: number, work: (call: Call) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (this.cancelled) throw new Error(`${name}: cancelled`);
    this.running.add(controller);
    const overdue = () => controller.abort(new Error(`timed out after ${seconds} s`));
    // A limit beyond what a timer can hold (24 days) is no limit.
    const timer = seconds > 0 && seconds < 2_000_000 ? setTimeout(overdue, seconds * 1000) : undefined;
    const log: Call["log"] = (line, severity = "info") => this.log.send(urn, line, severity);
    try {
      return await work({ urn, name, seconds, signal: controller.signal, log });
    } finally {
      clearTimeout(timer);
      this.running.delete(controller);
      await this.log.flush();
    }
  }
}
