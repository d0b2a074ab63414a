/** `hashistack`: reads what was typed and calls the command. */
import { renew } from "./acme";
import { backupState, restoreState } from "./backup";
import * as commands from "./commands";
import { doctor } from "./doctor";
import { CliError } from "./errors";
import * as lookers from "./lookers";
import { plan } from "./plan";
import { restoreUserPath } from "./root";

// An ES module: the build is CommonJS, and Node 20 cannot always require one.
const loadCommander = () => import("commander");
type Command = InstanceType<Awaited<ReturnType<typeof loadCommander>>["Command"]>;

const EXIT_CODES = `
Exit codes: 0 done · 1 it failed (for status and doctor: something is wrong) · 2 it could not be tried · 130 cancelled.
exec and ssh give the exit code of the program they ran.`;

const STATE = `
The state lies in .hashistack/ beside Pulumi.yaml, encrypted with a passphrase made once (.hashistack/passphrase):
keep both. With PULUMI_BACKEND_URL, or a backend in Pulumi.yaml, yours is used instead, and PULUMI_HOME,
PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE are respected. A mere "pulumi login" is not looked at.
Local machines need root: without it the command runs itself again through sudo.`;

interface Flags {
  stack: string;
  cwd: string;
  json?: boolean;
  repair?: boolean;
  outdated?: boolean;
}

interface BackupFlags {
  stack: string;
  cwd: string;
  to?: string;
  force?: boolean;
  passphraseFile?: string;
  passphraseFd?: string;
}

function withPassphrase(command: Command): Command {
  return command
    .option("--passphrase-file <file>", "the backup's passphrase is the first line of this file")
    .option("--passphrase-fd <number>", "or of this open descriptor (default: it is asked on the terminal)");
}

function passphraseOf({ passphraseFile, passphraseFd }: BackupFlags) {
  if (passphraseFd !== undefined && !/^\d+$/.test(passphraseFd))
    throw new CliError(`--passphrase-fd: "${passphraseFd}" is no number of a descriptor`);
  return { file: passphraseFile, descriptor: passphraseFd === undefined ? undefined : Number(passphraseFd) };
}

function withStack(command: Command): Command {
  return command
    .option("-s, --stack <name>", "the stack", "dev")
    .option("-C, --cwd <folder>", "the project's folder", process.cwd())
    .addHelpText("after", EXIT_CODES);
}

/** Reads the arguments and gives the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const { Command, CommanderError } = await loadCommander();
  let code = 0;
  const act =
    <A extends unknown[]>(run: (...args: A) => Promise<number>) =>
    async (...args: A): Promise<void> => {
      code = await run(...args);
    };
  const program = new Command("hashistack")
    .description("Brings up, looks at and uses a cluster of Consul, Vault and Nomad.")
    .exitOverride()
    .addHelpText("after", EXIT_CODES);

  withStack(program.command("plan"))
    .description("what the stack will be: machines, ports, cost, and what that changes; asks no cloud")
    .option("--json", "print it as JSON")
    .action(act((flags: Flags) => plan(flags)));
  withStack(program.command("up"))
    .description(
      "make the stack what its settings say (after recovering a cut run); the second time changes nothing",
    )
    .option("--json", "print counts and seconds as JSON instead of text")
    .option("--repair", "first heal what was changed by hand on the machines (see doctor)")
    .addHelpText("after", STATE)
    .action(act((flags: Flags) => commands.up({ ...flags, json: flags.json ?? false })));
  withStack(program.command("replace"))
    .description(
      "make machines anew: each successor joins before the old one leaves, one server at a time; support goes first",
    )
    .argument("[machines...]", "their names: npx hashistack replace control-a client-b")
    .option("--outdated", "all that were made of another image, or of another size, than the settings say")
    .option("--json", "print counts and seconds as JSON instead of text")
    .addHelpText(
      "after",
      "\nA local machine that was lost for good needs no command: up finds it and makes it anew. One at a cloud is named here.",
    )
    .action(
      act((names: string[], flags: Flags) =>
        commands.replace({ ...flags, json: flags.json ?? false }, names),
      ),
    );
  withStack(program.command("rotate"))
    .description("make issuing authorities anew, under the same roots, and all certificates by them")
    .argument("<services...>", "consul, vault, nomad, support or site")
    .option("--json", "print counts and seconds as JSON instead of text")
    .action(
      act((services: string[], flags: Flags) =>
        commands.rotate({ ...flags, json: flags.json ?? false }, services),
      ),
    );
  withStack(program.command("destroy"))
    .description("destroy the stack's machines and everything on them, without a question")
    .option("--json", "print counts and seconds as JSON instead of text")
    .action(act((flags: Flags) => commands.destroy({ ...flags, json: flags.json ?? false })));
  withStack(program.command("env"))
    .description('print shell variables for consul, nomad and vault: eval "$(npx hashistack env)"')
    .action(act((flags: Flags) => lookers.env(flags)));
  withStack(program.command("exec"))
    .description("run a program with addresses, CAs and tokens set: npx hashistack exec -- nomad node status")
    .argument("<words...>", "the program and its arguments, after --")
    .addHelpText(
      "after",
      "\ncurl finds the services by the names in their certificates: sh -c 'curl https://$NOMAD_TLS_SERVER_NAME:4646/v1/status/leader'",
    )
    .action(act((words: string[], flags: Flags) => lookers.exec(flags, words)));
  withStack(program.command("ssh"))
    .description("log in to a machine, or run a command there: npx hashistack ssh control-a -- uptime")
    .argument("<machine>", "its name, or a beginning that no other has")
    .argument(
      "[words...]",
      "a command, after --; several words are quoted one by one, one word is a shell line",
    )
    .action(act((machine: string, words: string[], flags: Flags) => lookers.ssh(flags, machine, words)));
  withStack(program.command("ui"))
    .description("open loopback forwards to the web pages of Nomad, Consul and Vault and print their URLs")
    .option("--json", "print the URLs as one JSON line")
    .action(act((flags: Flags) => lookers.ui({ ...flags, json: flags.json ?? false })));
  withStack(program.command("status"))
    .description("members, leaders, voters, seals, nodes, jobs, certificates; says what is wrong")
    .option("--json", "print it as JSON")
    .action(act((flags: Flags) => lookers.status({ ...flags, json: flags.json ?? false })));
  const acme = program.command("acme").description("the site's public certificate");
  withStack(acme.command("renew"))
    .description(
      "look now whether a certificate is due, and get it; wait until it is there, or why it is not",
    )
    .option("--force", "get one though none is due: authorities allow few in a week")
    .option("--limit <minutes>", "how long to wait", "50")
    .action(
      act((flags: Flags & { force?: boolean; limit: string }) =>
        renew({ ...flags, force: flags.force ?? false, limit: Number(flags.limit) }),
      ),
    );
  withStack(program.command("doctor"))
    .description("name what was changed by hand on the machines: files, rights, units, firewalls, programs…")
    .option("--json", "print it as JSON")
    .option("--repair", "heal it; servers restart one after another, each only while the others are well")
    .action(act((flags: Flags) => doctor(flags)));
  withPassphrase(withStack(program.command("backup-state")))
    .description("keep the state, its passphrase and the settings in one encrypted file")
    .option("--to <file>", "the file (default: named after project, stack and time, here)")
    .action(act((flags: BackupFlags) => backupState({ ...flags, passphrase: passphraseOf(flags) })));
  withPassphrase(program.command("restore-state"))
    .description("put a backup into this folder: neither a newer nor a different state is replaced")
    .argument("<file>", "what backup-state made")
    .option("--force", "replace it all the same; what is replaced is kept aside")
    .option("-C, --cwd <folder>", "the project's folder", process.cwd())
    .addHelpText("after", EXIT_CODES)
    .action(
      act((file: string, flags: BackupFlags) =>
        restoreState(file, { ...flags, force: flags.force ?? false, passphrase: passphraseOf(flags) }),
      ),
    );
  withStack(program.command("recover"))
    .description(
      "take up a run that was killed: its lock, if its owner is provably dead, and what it had begun",
    )
    .action(act((flags: Flags) => commands.recoverCommand(flags)));

  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

/** Starts it, and turns what is thrown into a sentence. */
export async function run(): Promise<void> {
  restoreUserPath(process.env);
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    const known = error instanceof CliError;
    process.stderr.write(`hashistack: ${known ? error.message : (error as Error).stack}\n`);
    process.exitCode = known ? error.exitCode : 1;
  }
}

if (require.main === module) void run();
