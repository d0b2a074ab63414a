/** A passphrase from the user: asked on the terminal, or from a file or an open descriptor; never from an argument. */
import { fstatSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { CliError } from "./errors";

export interface PassphraseSource {
  /** A file whose first line it is. */
  readonly file?: string;
  /** An open descriptor, read to its end; its first line is it. */
  readonly descriptor?: number;
}

const LEAST = 12;

/**
 * Gets it.
 *
 * @param fresh whether it is a new one: then it is asked for twice, and short ones are refused
 */
export async function getPassphrase(source: PassphraseSource, fresh: boolean): Promise<string> {
  const passphrase = await read(source, fresh);
  if (passphrase === "") throw new CliError("the passphrase is empty");
  if (fresh && passphrase.length < LEAST)
    throw new CliError(`the passphrase is shorter than ${LEAST} characters`);
  return passphrase;
}

async function read({ file, descriptor }: PassphraseSource, fresh: boolean): Promise<string> {
  if (file !== undefined && descriptor !== undefined)
    throw new CliError("give one of --passphrase-file and --passphrase-fd, not both");
  if (file !== undefined) return firstLine(file, file);
  if (descriptor !== undefined) {
    if (!Number.isInteger(descriptor) || descriptor < 0 || !isOpen(descriptor))
      throw new CliError(`--passphrase-fd: ${descriptor} is no open descriptor`);
    return firstLine(descriptor, `descriptor ${descriptor}`);
  }
  if (!process.stdin.isTTY)
    throw new CliError(
      "there is no terminal to ask for the passphrase: give --passphrase-file or --passphrase-fd",
    );
  const first = await ask("Passphrase of the backup: ");
  if (fresh && (await ask("The same again: ")) !== first) throw new CliError("the two are not the same");
  return first;
}

function isOpen(descriptor: number): boolean {
  try {
    fstatSync(descriptor);
    return true;
  } catch {
    return false;
  }
}

function firstLine(from: string | number, name: string): string {
  try {
    return readFileSync(from, "utf8").split(/\r?\n/, 1)[0] as string;
  } catch (error) {
    throw new CliError(`the passphrase cannot be read from ${name}: ${(error as Error).message}`);
  }
}

/** Asks on the terminal; what is typed does not show. */
async function ask(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true, historySize: 0 });
  const stop = new AbortController();
  terminal.once("SIGINT", () => stop.abort());
  process.stderr.write(question);
  try {
    return await terminal.question("", { signal: stop.signal });
  } catch {
    throw new CliError("no passphrase was given", 130);
  } finally {
    process.stderr.write("\n");
    terminal.close();
  }
}
