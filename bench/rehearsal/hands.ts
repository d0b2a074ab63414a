/** With what the parts of a rehearsal do what they do. */
import type { LabLinode } from "../../lab/linode/lab-linode";
import type { Ran } from "../run";
import type { StackConfig } from "./settings";

/** What a look found. */
export interface Found {
  readonly ok: boolean;
  /** A figure, or why it is not so. */
  readonly found: string;
}

export interface Hands {
  readonly linode: LabLinode;
  /** The stack's settings, to be changed; `write` makes them those of the next command. */
  readonly config: StackConfig;
  write(): void;
  /** Writes down what was found, and gives whether it was as it should be. */
  check(what: string, look: () => Promise<Found>): Promise<boolean>;
  /** `hashistack …`, which must succeed. */
  command(what: string, verb: string, ...words: string[]): Promise<boolean>;
  /** `hashistack …` as an admin runs it at home. */
  cli(verb: string, ...words: string[]): Promise<Ran>;
}

/** What a command that failed said last, without how far it had come. */
export function lastWords({ code, stdout, stderr }: Ran): Found {
  const said = stderr.trim() || stdout.trim();
  const failure = said.slice(Math.max(0, said.lastIndexOf("hashistack: ")));
  return { ok: false, found: `exit ${code}: ${failure.slice(-1500)}` };
}
