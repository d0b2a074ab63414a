import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

/** What was seen of processes: see watch_processes.py. */
export interface Seen {
  perSecond: number;
  processes: number;
  arguments: string[];
  environments: string[];
}

/** Looks at all processes of this host while something is done. */
export class Watch {
  /** Shown in an argument, in an environment and by a machine, so that it is known that a secret there would be seen. */
  static readonly canaries = {
    argument: "an-argument-to-be-seen",
    environment: "a-variable-to-be-seen",
    machine: "-config-dir=/etc/consul.d",
  };
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: Interface;

  constructor() {
    this.child = spawn("python3", ["-I", join(__dirname, "watch_processes.py")]);
    this.lines = createInterface(this.child.stdout);
    this.child.stderr.pipe(process.stderr);
  }

  /** Ends the looking. What was seen stays with the watch. */
  async stop(): Promise<void> {
    const shown = spawn("sleep", ["0.5"], {
      argv0: Watch.canaries.argument,
      env: { PATH: process.env.PATH, CANARY: Watch.canaries.environment },
    });
    await once(shown, "exit");
    await this.say("stop");
  }

  /** Which of these was seen. Ends the watch. */
  async found(secrets: ReadonlyMap<string, string>): Promise<Seen> {
    const all = { ...Object.fromEntries(secrets), ...Watch.canaries };
    return JSON.parse(await this.say(JSON.stringify({ secrets: all }))) as Seen;
  }

  /** However far it came. */
  end(): void {
    this.child.kill();
  }

  private async say(line: string): Promise<string> {
    const answer = once(this.lines, "line", { signal: AbortSignal.timeout(60_000) });
    this.child.stdin.write(`${line}\n`);
    return (await answer)[0] as string;
  }
}
