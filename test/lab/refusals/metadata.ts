import { type ChildProcess, spawn } from "node:child_process";
import { runAny } from "../../../bench/run";
import { metadataAddresses } from "../../../components/roles/task-filter";
import type { Trial } from "../support/trial";

/** A program's argv in the lab's router. */
export const inRouter = (trial: Trial, ...argv: string[]) => trial.lab.argv("exec", "router", "--", ...argv);

/** The lab has no metadata service: one of the tests' own, where a cloud's would be, beyond the machines' default route. */
export async function metadataService(trial: Trial): Promise<ChildProcess> {
  for (const address of metadataAddresses.ipv4) await route(trial, "add", `${address}/32`);
  for (const address of metadataAddresses.ipv6) await route(trial, "add", `${address}/128`);
  const serve = [
    "import socket, sys, threading",
    "for family, any in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):",
    " s = socket.socket(family); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)",
    " family == socket.AF_INET6 and s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)",
    " s.bind((any, 80)); s.listen(64)",
    " threading.Thread(target=lambda s=s: [s.accept() for _ in iter(int, 1)], daemon=True).start()",
    "print('ready', flush=True)",
    "sys.stdin.read()",
  ].join("\n");
  const [program = "", ...args] = inRouter(trial, "python3", "-I", "-c", serve);
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "ignore"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the metadata service ended with ${code}`)));
  });
  return child;
}

export async function forgetMetadata(trial: Trial): Promise<void> {
  for (const address of metadataAddresses.ipv4) await route(trial, "delete", `${address}/32`);
  for (const address of metadataAddresses.ipv6) await route(trial, "delete", `${address}/128`);
}

async function route(trial: Trial, verb: "add" | "delete", address: string): Promise<void> {
  const { code, stderr } = await runAny(inRouter(trial, "ip", "address", verb, address, "dev", "lo"), {
    what: `the address ${address}`,
  });
  if (code !== 0 && verb === "add") throw new Error(stderr);
}
