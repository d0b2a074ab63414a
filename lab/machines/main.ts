import { adminAddress, publicNetwork, strangerAddress } from "./addresses.js";
import { exitCodes, LabError, messageOf } from "./errors.js";
import { labName, outsideNamespace, routerNamespace, strangerNamespace } from "./names.js";
import { checkoutPath, rememberedLab } from "./paths.js";

/**
 * hashistack-lab: real machines inside one Linux host. Standard output is one JSON document (but for `exec`), words for
 * people go to standard error, the exit status is one of `exitCodes`. Verbs load what they need, so each starts quickly.
 */

// An ES module only, and this program is built as CommonJS.
const loadCommander = () => import("commander");
type Command = InstanceType<Awaited<ReturnType<typeof loadCommander>>["Command"]>;

const say = (words: string): void => {
  process.stderr.write(`${words}\n`);
};
const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

async function standardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function needRoot(): void {
  if (process.getuid?.() !== 0)
    throw new LabError("hashistack-lab needs root: run it with sudo.", exitCodes.host);
}

/** Words for the list of commands below. */
const about = `Real machines (systemd as PID 1, sshd, own network) inside this Linux host, made by systemd-nspawn.

Standard output is one JSON document, words for people go to standard error (exec passes its program's through).
Exit status: 0 done, ${exitCodes.failed} failed, ${exitCodes.usage} wrong use, ${exitCodes.host} this host cannot, ${exitCodes.unknownMachine} no such machine.`;

const createHelp = `
Standard input, a JSON document:
  name         3 to 50 of a-z, 0-9 and "-"
  public       whether it is reached from outside (default false)
  publicPorts  TCP ports with a forward on the host's loopback (default none)
  bake         whether its image carries the daemons' programs (default true)
  network      {"ipv4": "198.51.100.0/24", "ipv6": "fd00:1ab::/64"}, the same for all machines of a lab
  host         its number in the networks, 2 to 10, for one whose successor shall have its addresses (default a free one above)
  memoryMb     limit of its memory in MiB (default none)
  firstContact {"user": "ops", "authorizedKeys": ["ssh-ed25519 ..."], "hostKey": "-----BEGIN OPENSSH PRIVATE KEY-----..."}
  userData     in place of firstContact: a "#cloud-config" document, which the machine's cloud-init executes at its first boot
Answer: id, name, privateIpv4, privateIpv6 and, where public, publicIpv4, publicIpv6, forwardAddress.
With bake it boots the newest image that "image --bake" made, and makes one where there is none.`;

function define(program: Command): void {
  const lab = (command: Command): string =>
    labName(
      command.optsWithGlobals().lab as string | undefined,
      process.env.HASHISTACK_LAB || rememberedLab(checkoutPath()),
      checkoutPath(),
    );

  program
    .name("hashistack-lab")
    .description(about)
    .option("--lab <name>", "which lab (default: $HASHISTACK_LAB, else one name for each checkout)")
    .showHelpAfterError("(--help tells more)");

  program
    .command("check")
    .description("tell what this host lacks; changes nothing")
    .action(async () => {
      const { checkHost } = await import("./check.js");
      const missing = await checkHost();
      for (const { what, why, mend } of missing) say(`missing: ${what} (${why}): ${mend}`);
      print({ ok: missing.length === 0, missing });
      if (missing.length > 0) process.exitCode = exitCodes.host;
    });

  program
    .command("image")
    .description("make the image that machines share, where it is not there")
    .option("--bake", "with the daemons' programs in it")
    .action(async (options: { bake?: boolean }) => {
      needRoot();
      const { ensureImage } = await import("./image.js");
      print(await ensureImage(options.bake === true, say));
    });

  program
    .command("create")
    .description("make and boot a machine (spec as JSON on standard input), or take up the one of that name")
    .addHelpText("after", createHelp)
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { parseSpec } = await import("./spec.js");
      const spec = parseSpec(await standardInput());
      const { createMachine } = await import("./verbs.js");
      print(await createMachine(lab(command), spec, say));
    });

  program
    .command("destroy")
    .description(
      'remove a machine at once ({"name": ...} on standard input), and with the last one the lab; an unknown one is a success',
    )
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { parseName } = await import("./spec.js");
      const name = parseName(await standardInput());
      const { destroyMachine } = await import("./verbs.js");
      print({ name, destroyed: await destroyMachine(lab(command), name) });
    });

  program
    .command("install")
    .description(
      'put programs of the toolchain that the image lacks onto a machine that runs ({"name": ..., "programs": [...]} on standard input)',
    )
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { parseInstall } = await import("./spec.js");
      const { name, programs } = parseInstall(await standardInput());
      const { installPrograms } = await import("./install.js");
      print({ name, installed: await installPrograms(lab(command), name, programs, say) });
    });

  program
    .command("acme")
    .description(
      'have an ACME server (Pebble) outside, which signs for domains that it serves itself ({"domains": ["www.dev.test"], "network": as above} on standard input)',
    )
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { parseAcme } = await import("./spec.js");
      const spec = parseAcme(await standardInput());
      const { ensureAcme } = await import("../acme/server.js");
      print(await ensureAcme(lab(command), spec, say));
    });

  program
    .command("acme-end")
    .description("end the ACME server; one that does not run is a success")
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { endAcme } = await import("../acme/server.js");
      print({ ended: await endAcme(lab(command)) });
    });

  const onOne = (verb: "start" | "stop" | "reboot" | "kill", description: string): void => {
    program
      .command(verb)
      .description(description)
      .argument("<machine>")
      .action(async (name: string, _options: unknown, command: Command) => {
        needRoot();
        const verbs = await import("./verbs.js");
        const act = {
          start: verbs.startMachine,
          stop: verbs.stopMachine,
          reboot: verbs.rebootMachine,
          kill: verbs.killMachine,
        };
        print(await act[verb](lab(command), name));
      });
  };
  onOne("start", "start a machine that is stopped or dead");
  onOne("stop", "halt a machine cleanly, within 10 s");
  onOne("reboot", "reboot a machine cleanly, within 10 s; starts one that does not run");
  onOne("kill", "cut a machine's power");

  program
    .command("list")
    .description("the machines and their state: running, stopped (halted), dead (cut off)")
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { listMachines } = await import("./verbs.js");
      print(await listMachines(lab(command)));
    });

  program
    .command("info")
    .description("the lab's networks, addresses, namespaces and machines")
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const name = lab(command);
      const { labDir, readLab } = await import("./state.js");
      const { listMachines } = await import("./verbs.js");
      const record = readLab(name);
      print({
        lab: name,
        exists: record !== undefined,
        state: labDir(name),
        network: record?.network,
        publicNetwork,
        loopback: record && `127.77.${record.loopback}.0/24`,
        namespaces: {
          router: routerNamespace(name),
          outside: outsideNamespace(name),
          stranger: strangerNamespace(name),
        },
        addresses: { outside: adminAddress, stranger: strangerAddress },
        machines: await listMachines(name),
      });
    });

  program
    .command("exec")
    .description(
      "run a program of the host in a network namespace of the lab, with its output and exit status",
    )
    .argument("<where>", "router, outside (as an admin), stranger (as nobody), or a machine's name")
    .argument("<command...>", "the program and its arguments, after --")
    .option("--stranger", "with outside: from the address that is no admin's")
    .option("--inside", "with a machine: the machine's own program, as its root, in all its namespaces")
    .action(
      async (
        where: string,
        argv: string[],
        options: { stranger?: boolean; inside?: boolean },
        command: Command,
      ) => {
        needRoot();
        const { execIn } = await import("./exec.js");
        process.exitCode = await execIn(lab(command), where, argv, options);
      },
    );

  program
    .command("resume")
    .description(
      "make namespaces and forwards again and start what should run, after the host's reboot or a killed run",
    )
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { listMachines, resumeLab } = await import("./verbs.js");
      await resumeLab(lab(command), say);
      print(await listMachines(lab(command)));
    });

  program
    .command("down")
    .description("end the lab: machines, namespaces, forwards, control groups, state")
    .action(async (_options: unknown, command: Command) => {
      needRoot();
      const { endLab } = await import("./verbs.js");
      print(await endLab(lab(command), say));
    });
}

async function main(argv: readonly string[]): Promise<void> {
  const { Command: Program, CommanderError } = await loadCommander();
  const program = new Program();
  program.exitOverride();
  define(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
      return;
    }
    say(messageOf(error));
    process.exitCode = error instanceof LabError ? error.exitCode : exitCodes.failed;
  }
}

void main(process.argv.slice(2));
