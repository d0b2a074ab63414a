/** Shows a run while it goes on: one line rewritten on a terminal, a line now and then elsewhere. */
import type { RunState } from "./events";

export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Seconds as a person reads them. Example: 7.4 is "7 s", 95 is "1 min 35 s". */
export function humanSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** The state in one line. Example: `42 s  machines 8/8, enrolment 5/8  (control-a-apply 12 s)`. */
export function progressLine(state: RunState, elapsedSeconds: number, now: number): string {
  const current = state.phases.filter((phase) => phase.done < phase.known);
  const shown = current.length > 0 ? current : state.phases.slice(-1);
  const counts = shown.map((phase) => `${phase.title} ${phase.done}/${phase.known}`).join(", ");
  const oldest = state.running[0];
  const others = state.running.length > 1 ? ` and ${state.running.length - 1} more` : "";
  const busy = oldest ? `  (${oldest.name} ${humanSeconds(now - oldest.since)}${others})` : "";
  return `${humanSeconds(elapsedSeconds)}  ${counts || "starting"}${busy}`;
}

/** How often a line is written where there is no terminal, at most. */
const QUIET_SECONDS = 10;

/** Draws the states it is given. Call `stop` at the end: it clears the rewritten line. */
export class Progress {
  private readonly begun = performance.now();
  private readonly finished = new Set<string>();
  private state: RunState | undefined;
  private last = "";
  private lastWritten = 0;
  private drawn = false;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly screen: Screen = process.stderr,
    private readonly estimateSeconds?: number,
  ) {
    this.timer = setInterval(() => this.draw(), screen.isTTY ? 200 : 1000);
    this.timer.unref();
  }

  /** Takes the newest state; phases that have ended get a line of their own. */
  update(state: RunState): void {
    this.state = state;
    if (state.running.length > 0) this.announce(state);
  }

  /** Writes a line of its own above the moving one. */
  say(line: string): void {
    this.clear();
    this.screen.write(`${line}\n`);
  }

  stop(): void {
    clearInterval(this.timer);
    this.clear();
  }

  private get elapsed(): number {
    return (performance.now() - this.begun) / 1000;
  }

  /** A phase counts as ended when a later one has begun and all that is known of it is done. */
  private announce(state: RunState): void {
    const lastBegun = state.phases.findLastIndex((phase) => phase.done > 0);
    for (const [index, phase] of state.phases.entries()) {
      if (index >= lastBegun || phase.done < phase.known || this.finished.has(phase.title)) continue;
      this.finished.add(phase.title);
      this.say(`${humanSeconds(this.elapsed).padStart(10)}  ${phase.title}: ${phase.done} done`);
    }
  }

  private draw(): void {
    if (!this.state) return;
    const ahead = this.estimateSeconds ? ` of about ${humanSeconds(this.estimateSeconds)}` : "";
    const line = progressLine(this.state, this.elapsed, Date.now() / 1000).replace("  ", `${ahead}  `);
    if (this.screen.isTTY) {
      if (line === this.last && this.drawn) return;
      this.last = line;
      this.screen.write(`\r\x1b[2K${line.slice(0, (this.screen.columns || 80) - 1)}`);
      this.drawn = true;
      return;
    }
    const what = line.slice(line.indexOf("  "));
    if (what === this.last || this.elapsed - this.lastWritten < QUIET_SECONDS) return;
    this.last = what;
    this.lastWritten = this.elapsed;
    this.screen.write(`${line}\n`);
  }

  private clear(): void {
    if (this.drawn) this.screen.write("\r\x1b[2K");
    this.drawn = false;
  }
}
