/**
 * The floor: how quickly the same machines come to a cluster with a running job by plain scripts, with no TLS, no ACLs
 * and no firewall. What the secured stack costs is measured against it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BenchError } from "../errors";
import { Lab, labNameOf } from "../lab";
import { run } from "../run";
import type { Plan } from "./steps";

export interface FloorRun {
  readonly machines: number;
  /** Seconds from the first machine's making to the job's two passing instances. */
  readonly seconds: number;
  readonly phases: readonly { readonly phase: string; readonly seconds: number }[];
}

/** As many machines as the dev stack: what is support there is idle here. */
export const floorMachines: readonly { name: string; role: "server" | "client" | "idle" }[] = [
  ...["a", "b", "c"].map((key) => ({ name: `floor-server-${key}`, role: "server" as const })),
  ...["a", "b", "c", "d"].map((key) => ({ name: `floor-client-${key}`, role: "client" as const })),
  { name: "floor-idle", role: "idle" },
];

export const floorEnd = "a job of 2 instances passes in Consul, its deployment is successful";

const user = "ops";
const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };

/** Measures it once, in a lab of its own. Takes the lab down unless `keep`. */
export async function measureFloor(
  signal: AbortSignal,
  keep: boolean,
  say: (words: string) => void,
): Promise<FloorRun> {
  const lab = new Lab(labNameOf("floor"), signal);
  const keys = mkdtempSync(join(tmpdir(), "hashistack-bench-floor-"));
  try {
    if (await lab.exists()) await lab.down();
    await lab.image();
    const contact = await makeKeys(keys, signal);
    return await bringUp(lab, keys, contact, signal);
  } finally {
    if (keep) say(`kept: lab ${lab.name}, its login in ${keys}`);
    else {
      try {
        await lab.down();
      } finally {
        rmSync(keys, { recursive: true, force: true });
      }
    }
  }
}

async function bringUp(
  lab: Lab,
  keys: string,
  contact: { authorizedKeys: string[]; hostKey: string },
  signal: AbortSignal,
): Promise<FloorRun> {
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1000;
  const made = await Promise.allSettled(
    floorMachines.map(({ name }) =>
      lab.create({ name, bake: true, network, firstContact: { user, ...contact } }),
    ),
  );
  const machines = made.map((one, index) => {
    if (one.status === "rejected") throw one.reason;
    return { ...(floorMachines[index] as (typeof floorMachines)[number]), address: one.value.privateIpv4 };
  });
  const creating = seconds();
  const plan: Plan = { machines, keys, user };
  const steps = join(__dirname, "steps.js");
  // The last line that it prints is the end.
  let total = 0;
  const lines = await run(lab.argv("exec", "router", "--", process.execPath, steps), {
    what: "the floor",
    input: JSON.stringify(plan),
    timeoutSeconds: 400,
    signal,
    onLine: () => {
      total = seconds();
    },
  });
  const phases = readPhases(lines);
  return { machines: machines.length, seconds: total, phases: withBoot(phases, creating) };
}

/** The phases that the steps printed. */
export function readPhases(lines: string): { phase: string; seconds: number }[] {
  const phases = lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { phase: string; seconds: number });
  if (phases.at(-1)?.phase !== "job") throw new BenchError("the floor ended before its last phase");
  return phases;
}

/** A machine boots from the moment in which it is made. */
function withBoot(phases: { phase: string; seconds: number }[], creating: number): FloorRun["phases"] {
  return phases.map((one) =>
    one.phase === "boot" ? { phase: "boot", seconds: creating + one.seconds } : one,
  );
}

async function makeKeys(
  folder: string,
  signal: AbortSignal,
): Promise<{ authorizedKeys: string[]; hostKey: string }> {
  for (const name of ["login", "host"]) {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", join(folder, name)], {
      what: "making a key",
      signal,
    });
  }
  const text = (name: string): string => readFileSync(join(folder, name), "utf8").trim();
  writeFileSync(join(folder, "known_hosts"), `* ${text("host.pub")}\n`);
  return { authorizedKeys: [text("login.pub")], hostKey: text("host") };
}
