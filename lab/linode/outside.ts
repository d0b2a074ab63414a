import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../machines/errors.js";
import { namespacePath, outsideNamespace } from "../machines/names.js";
import { labSource } from "../machines/paths.js";

/** The port of 127.0.0.1 in the namespace `outside` where the emulated API answers. */
export const apiPort = 8080;

/** How long the program that listens there may take to begin, in milliseconds. */
const startLimitMs = 10_000;

/** How long it may take to end by itself, in milliseconds. */
const endLimitMs = 5_000;

/**
 * Lets an emulator that listens on a socket be reached from a lab's outside: its API at http://127.0.0.1:8080, its domains'
 * names by a DNS server at 127.0.0.1 and the admin's addresses.
 *
 * @param socket path of the emulator's socket
 * @returns ends it
 */
export async function openOutside(lab: string, socket: string): Promise<() => Promise<void>> {
  const main = join(labSource(), "../dist/lab/linode/outside-main.js");
  if (!existsSync(main)) throw new LabError(`${main} is not there: "npm run build" makes it.`);
  const argv = [
    `--net=${namespacePath(outsideNamespace(lab))}`,
    process.execPath,
    main,
    socket,
    String(apiPort),
  ];
  const child = spawn("nsenter", argv, { stdio: ["pipe", "pipe", "pipe"] });
  let words = "";
  child.stderr.on("data", (chunk: Buffer) => {
    words = (words + chunk).slice(-2000);
  });
  child.on("error", ({ message }) => {
    words += message;
  });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(
        new LabError(`The outside of the emulated Linode was not ready within ${startLimitMs / 1000} s.`),
      );
    }, startLimitMs);
    child.stdout.once("data", () => {
      clearTimeout(timer);
      resolve();
    });
    void ended.then(() => {
      clearTimeout(timer);
      reject(new LabError(`The outside of the emulated Linode ended: ${words.trim() || "no words"}`));
    });
  });
  return async () => {
    const timer = setTimeout(() => child.kill("SIGKILL"), endLimitMs);
    child.stdin.end();
    await ended;
    clearTimeout(timer);
  };
}
