/** `npm run image -- linode|openstack …`: makes the machines' image at a cloud, by HashiCorp Packer. */
import { buildImage } from "./build";
import { type Asked, type LinodeOptions, nextSteps, type OpenStackOptions } from "./clouds";
import { exitCodes, ImageError } from "./errors";

// It has only an ECMAScript form: a require of it fails on Node 20.
const loadCommander = () => import("commander");
type Command = InstanceType<Awaited<ReturnType<typeof loadCommander>>["Command"]>;

const about = `Makes the machines' image at a cloud: Debian 12 with the packages of lab/image/packages.txt and the daemons' programs, as the
local machines have them. HashiCorp Packer starts one small machine, sets it up by SSH, makes an image of its disk, and deletes it.`;

const epilogue = `
Who asks comes from the environment, and is read by Packer's plugin alone: LINODE_TOKEN; OS_CLOUD or the other OS_….
Packer comes from the toolchain (npm run toolchain -- packer). The programs are for this host's processor.
Exit status: 0 made (its id is on standard output) or valid, 1 failed, 2 wrong use, 3 something is missing here, 130 interrupted.`;

const say = (words: string): void => {
  process.stderr.write(`image: ${words}\n`);
};

/** The present minute in UTC. Example: "hashistack-20261123-1415". */
export const defaultName = (now: Date): string =>
  `hashistack-${now.toISOString().slice(0, 16).replace(/[-:]/g, "").replace("T", "-")}`;

const list = (value: string, before: readonly string[]): string[] => [...before, value];

function common(command: Command): Command {
  return command
    .option("--name <name>", "the image's name", defaultName(new Date()))
    .option("--with <program>", "a further program of the toolchain, such as traefik (repeatable)", list, [])
    .option("--apt-proxy <url>", "a proxy for Debian's packages, as the machine reaches it")
    .option("--validate", "only let Packer look whether it could be built; nothing is made", false);
}

/** The command line. `act` gets what was asked for. */
export async function commandLine(act: (asked: Asked) => Promise<void>): Promise<Command> {
  const { Command: Program } = await loadCommander();
  const program = new Program("npm run image --").description(about).addHelpText("after", epilogue);
  const exits = (command: Command): Command =>
    command.exitOverride().showHelpAfterError("(--help tells more)");
  exits(program);
  exits(common(program.command("linode").description("an image at Linode, for all of its regions")))
    .requiredOption("--region <id>", "where the machine that becomes the image stands, such as nl-ams")
    .option("--type <id>", "what that machine is", "g6-nanode-1")
    .option("--firewall <id>", "a firewall for it, which must let this host in by SSH", Number)
    .option("--source-image <id>", "a Debian 12 that runs cloud-init", "linode/debian12")
    .action((options: LinodeOptions) => act({ cloud: "linode", ...options }));
  exits(common(program.command("openstack").description("an image in an OpenStack, of this project alone")))
    .requiredOption("--source-image <name>", "a Debian 12 with cloud-init in the image service")
    .requiredOption("--flavor <name>", "what the machine that becomes the image is")
    .option("--network <id>", "a network that it has a port in (repeatable)", list, [])
    .option("--floating-network <name>", "the outer network that gives it an address which this host reaches")
    .option(
      "--security-group <name>",
      "one that lets this host in by SSH (repeatable; else default)",
      list,
      [],
    )
    .option("--volume <gb>", "build on a volume of this size, for a flavor without a disk", Number)
    .action((options: OpenStackOptions) => act({ cloud: "openstack", ...options }));
  return program;
}

async function make(asked: Asked): Promise<void> {
  const id = await buildImage(asked, { environment: process.env, say });
  process.stdout.write(id === undefined ? "The template is valid.\n" : nextSteps(asked, id));
}

/** Runs the command line; gives the exit status. */
export async function main(argv: readonly string[], act = make): Promise<number> {
  const { CommanderError } = await loadCommander();
  const program = await commandLine(act);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
    say(error instanceof Error ? error.message : String(error));
    if (error instanceof ImageError) return error.exitCode;
    return (error as Error).name === "MissingPrerequisites" ? exitCodes.host : exitCodes.failed;
  }
}

if (require.main === module)
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
