/** The files with which the system's own `ssh` reaches every machine, host keys verified, through support. */
import { join } from "node:path";
import { CliError } from "./errors";
import type { Outputs } from "./outputs";
import { privateDirectory, type Workspace, writePrivate } from "./workspace";

/** Where the client's files lie. */
export interface SshFiles {
  readonly config: string;
  readonly knownHosts: string;
  readonly key: string;
}

function quoted(path: string): string {
  if (/["\n]/.test(path)) throw new CliError(`ssh cannot use a path with a quotation mark in it: ${path}`);
  // ssh expands "%" in the values of its configuration.
  return `"${path.replaceAll("%", "%%")}"`;
}

/** The alias under which a machine's key stands in known_hosts: names do not collide with the user's own hosts. */
function alias(stack: string, machine: string): string {
  return `${machine}.${stack}.hashistack`;
}

/** The client's configuration: a Host entry for each machine, the others through support. */
export function renderSshConfig(outputs: Outputs, stack: string, files: SshFiles): string {
  const { support, machines } = outputs;
  const entries = Object.entries(machines)
    .filter(([name]) => name !== support.name)
    .map(([name, machine]) => {
      const address = machine.privateIpv4 ?? machine.privateIpv6;
      if (!address) throw new CliError(`machine ${name} has no private address in the stack's outputs`);
      return [
        `Host ${name}`,
        `  HostName ${address}`,
        `  HostKeyAlias ${alias(stack, name)}`,
        `  ProxyJump ${support.name}`,
        "",
      ];
    });
  return [
    "# Written at each use; changes are lost.",
    `Host ${support.name}`,
    `  HostName ${support.address}`,
    `  HostKeyAlias ${alias(stack, support.name)}`,
    "",
    ...entries.flat(),
    "Host *",
    `  User ${support.user}`,
    `  IdentityFile ${quoted(files.key)}`,
    "  IdentitiesOnly yes",
    "  IdentityAgent none",
    `  UserKnownHostsFile ${quoted(files.knownHosts)}`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking yes",
    "  CheckHostIP no",
    "  UpdateHostKeys no",
    "  PreferredAuthentications publickey",
    "  ForwardAgent no",
    "  ConnectTimeout 10",
    "  ServerAliveInterval 15",
    "  ServerAliveCountMax 4",
    "  LogLevel ERROR",
    "",
  ].join("\n");
}

/** The machines' host keys. */
export function renderKnownHosts(outputs: Outputs, stack: string): string {
  const keys = new Map(Object.entries(outputs.machines).map(([name, machine]) => [name, machine.hostKey]));
  keys.set(outputs.support.name, outputs.support.hostKey);
  return [...keys].map(([name, key]) => `${alias(stack, name)} ${plainKey(name, key)}\n`).join("");
}

function plainKey(name: string, key: string): string {
  const [type, value] = key.trim().split(/\s+/);
  if (!type || !value)
    throw new CliError(`the host key of ${name} in the stack's outputs is no OpenSSH public key`);
  return `${type} ${value}`;
}

/** Writes the client's files below .hashistack/ssh/<stack>/. */
export function writeSshFiles(workspace: Workspace, stack: string, outputs: Outputs): SshFiles {
  privateDirectory(join(workspace.directory, "ssh"));
  const folder = privateDirectory(join(workspace.directory, "ssh", stack));
  const files = {
    config: join(folder, "config"),
    knownHosts: join(folder, "known_hosts"),
    key: join(folder, "id"),
  };
  writePrivate(files.key, `${outputs.sshPrivateKey.trim()}\n`);
  writePrivate(files.knownHosts, renderKnownHosts(outputs, stack));
  writePrivate(files.config, renderSshConfig(outputs, stack, files));
  return files;
}

/**
 * The machine that is meant: its whole name, or a beginning that only one has. Example: "co" for "control-a" when no
 * other begins so.
 * @throws CliError that lists the machines.
 */
export function pickMachine(names: readonly string[], wanted: string): string {
  if (names.includes(wanted)) return wanted;
  const matching = names.filter((name) => name.startsWith(wanted));
  if (matching.length === 1 && matching[0]) return matching[0];
  const sorted = [...(matching.length > 1 ? matching : names)].sort();
  const why =
    matching.length > 1 ? `"${wanted}" could be several machines` : `there is no machine "${wanted}"`;
  throw new CliError(`${why}: ${sorted.join(", ")}`);
}

/** One argument for the shell at the other end: `ssh` joins its arguments with spaces and quotes nothing. */
export function remoteCommand(words: readonly string[], quote: (word: string) => string): string[] {
  // A single word is a command line of the user's own, as with ssh itself.
  return words.length <= 1 ? [...words] : [words.map(quote).join(" ")];
}
