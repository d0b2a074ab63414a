/** What was typed. Pure. */
import { parseArgs } from "node:util";
import type { IngressKind } from "../../components/settings";
import { BenchError } from "../errors";

export interface Options {
  /** Names of the drills to do, in the order of the table. */
  readonly only: readonly string[];
  /** Whether the stack is the one with servers on machines of their own, and the drills those that are about it. */
  readonly separate: boolean;
  /** What runs on the load balancers at first. */
  readonly ingress: IngressKind;
  readonly list: boolean;
  readonly keep: boolean;
  readonly write: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

export const help = `npm run drill -- [--only NAME,...]... [--separate] [--ingress traefik] [--write] [--json] [--keep] [--list]

Brings up the dev stack on local machines, puts a constant load on it, lets one bad thing after another happen, and
prints for each: failed requests with and without retry, lost acknowledged writes, time until healthy. About an hour
for all of them; needs root.

  --only N,...  only these drills (may be given again)
  --separate    the drills on fourteen machines, servers of Consul, Vault and Nomad on machines of their own
  --ingress I   what runs on the load balancers: fabio (default) or traefik, whose outcomes are only printed
  --list        the drills, and do nothing
  --write       put the outcomes into docs/drills.md, in the place of those drills' former ones
  --json        print one JSON document instead of the table
  --keep        leave the stack as it is at the end; without it all is taken down, also after Ctrl-C or an error
  --help        this text

The lab and the state are the drills' own: a running dev stack stays as it is, but takes its part of the cores.
Exit status: 0 all aims reached, 1 an aim was missed or something failed, 2 wrong use, 130 interrupted.`;

/**
 * Reads the arguments.
 * @param known names of all drills, in the order of the table
 * @throws BenchError of one sentence
 */
export function parseOptions(argv: readonly string[], known: readonly string[]): Options {
  const { only, ingress, ...flags } = read(argv);
  const names = only.flatMap((word) => word.split(",")).filter(Boolean);
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new BenchError(`--only ${wrong}: there is no such drill; --list names them`);
  if (ingress !== "fabio" && ingress !== "traefik")
    throw new BenchError(`--ingress ${ingress}: known are fabio, traefik`);
  if (flags.write && ingress !== "fabio")
    throw new BenchError(
      "--write keeps the outcomes of the stack as it is by default, not with another --ingress",
    );
  return {
    ingress,
    only: names.length === 0 ? known : known.filter((name) => names.includes(name)),
    ...flags,
  };
}

function read(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        only: { type: "string", multiple: true, default: [] },
        ingress: { type: "string", default: "fabio" },
        separate: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        keep: { type: "boolean", default: false },
        write: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    return values;
  } catch (error) {
    throw new BenchError((error as Error).message.split("\n")[0] as string);
  }
}
