/** `npm run rehearse -- prod`: plays a stack at Linode through on an emulated one, prints, and takes down what it made. */
import { parseArgs } from "node:util";
import { BenchError, Interrupted } from "../errors";
import { rehearse } from "./rehearse";
import { passed, reportText } from "./report";

const help = `npm run rehearse -- <stack> [--whole] [--faults] [--nat] [--acme] [--json]

Brings a stack at Linode up on an emulated Linode, whose instances are machines of a lab in this host: status, site, names,
firewall, a second up, destroy, and what is left. Prints what was found and how often each call of the API was made.

  --whole  all machines of the stack's file (default: one in each group)
  --faults first an up to which Linode answers 429, and 500 after an instance exists; then one in which a machine fails and
           another is silent: the next one finishes it
  --nat    machines that nobody outside reaches have no public address and go out through support; StackScripts tell them who
           may log in; then settings change, and a load balancer is made anew
  --acme   the site has its certificate from an ACME server (Pebble, built the first time), proven by records of the
           emulated domain
  --json   print one JSON document
  --help   this text

Needs root, the build and the machines' image with programs.
Exit status: 0 all is as it should be, 1 something is not, 2 wrong use, 130 interrupted.`;

const say = (words: string): void => {
  process.stderr.write(`rehearsal: ${words}\n`);
};

function read(argv: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      whole: { type: "boolean", default: false },
      faults: { type: "boolean", default: false },
      nat: { type: "boolean", default: false },
      acme: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (!values.help && positionals.length !== 1) throw new BenchError("name one stack, such as prod");
  return { ...values, stack: positionals[0] ?? "" };
}

async function main(argv: readonly string[]): Promise<number> {
  let options: ReturnType<typeof read>;
  try {
    options = read(argv);
    if (options.help) {
      process.stdout.write(`${help}\n`);
      return 0;
    }
    if (process.getuid?.() !== 0)
      throw new BenchError("a lab needs root: sudo --preserve-env=HOME,PATH npm run rehearse");
  } catch (error) {
    say(`${(error as Error).message} (--help tells more)`);
    return 2;
  }
  const stop = new AbortController();
  const interrupted = (): void => {
    if (!stop.signal.aborted) say("stopping: taking down what was made");
    stop.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, interrupted);
  try {
    const { stack, whole, faults, nat, acme, json } = options;
    const report = await rehearse({ stack, small: !whole, faults, nat, acme, signal: stop.signal, say });
    process.stdout.write(`${json ? JSON.stringify(report, undefined, 2) : reportText(report)}\n`);
    return passed(report) ? 0 : 1;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    say((error as Error).message);
    return 1;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
