import { execFile } from "node:child_process";
import { join } from "node:path";

/** The lab's program as its own tests call it, by the command line. */

export const program = join(__dirname, "../../../lab/bin/hashistack-lab.js");
export const lab = "test-machines";
export const otherLab = "test-machines-2";
export const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A machine as the lab's program answers it. */
export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly privateIpv4: string;
  readonly privateIpv6: string;
  readonly publicIpv4?: string;
  readonly publicIpv6?: string;
  readonly forwardAddress?: string;
  readonly state?: string;
}

/** Runs a program to its end. */
export function run(argv: readonly string[], input = ""): Promise<Outcome> {
  return new Promise((resolve) => {
    // It ends when the pipes are closed: a machine that held one open would show here as a test that hangs.
    const child = execFile(argv[0], argv.slice(1), { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    // A program that ends without reading is told by its status.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}

/** The lab's program in a lab; how it ended. */
export const labRun = (args: readonly string[], input?: string, name = lab) =>
  run([process.execPath, program, "--lab", name, ...args], input);

/** The same, and its answer. */
export async function ask<T>(args: readonly string[], input?: string, name = lab): Promise<T> {
  const { code, out, err } = await labRun(args, input, name);
  if (code !== 0) throw new Error(`hashistack-lab ${args.join(" ")} ended with ${code}: ${err}`);
  return JSON.parse(out) as T;
}

/** Says "open" where a connection is made from a namespace of the lab, else why not. */
export async function connects(from: readonly string[], address: string, port: number): Promise<string> {
  const script = `
    const socket = require("net").connect(${port}, "${address}");
    socket.setTimeout(1500, () => { console.log("silent"); process.exit(); });
    socket.on("error", (error) => { console.log(error.code); });
    socket.on("connect", () => { console.log("open"); socket.destroy(); });`;
  return (await labRun(["exec", ...from, "--", process.execPath, "-e", script])).out.trim();
}

/** SSH as the engine does it: the host's key is known, nothing is asked. @param config path of the client's configuration */
export function sshWith(config: string) {
  const ssh = (to: string, command: readonly string[], options: readonly string[] = []): Promise<Outcome> =>
    run(["ssh", "-F", config, ...options, to, ...command]);
  const untilSsh = async (
    to: string,
    options: readonly string[] = [],
    command = ["true"],
  ): Promise<string> => {
    const end = Date.now() + 30_000;
    for (;;) {
      const { code, out, err } = await ssh(to, command, options);
      if (code === 0) return out.trim();
      if (Date.now() > end) throw new Error(`No SSH to ${to} within 30 s: ${err}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  return { ssh, untilSsh };
}
