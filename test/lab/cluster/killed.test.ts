import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkout } from "../../../bench/lab";
import { runAny } from "../../../bench/run";
import { checkpointFile } from "../../../cli/workspace";
import { traces } from "../support/traces";
import { Trial, until } from "../support/trial";
import { backup } from "./backup";
import { drift } from "./drift";
import { firstUp, secondUp } from "./first-up";

/**
 * Runs that are killed. On the smallest stack, which speaks IPv4; its lab has the name that the folder gives it, as in a
 * user's checkout, and a second such folder stands beside it.
 */

const trial = new Trial("killed", { namedByFolder: true });
const beside = new Trial("beside", { namedByFolder: true });

/** Starts `hashistack up` and kills it, its engine and its plugins at once when an operation has begun. */
async function killedUp(operation: string): Promise<void> {
  const killing = new AbortController();
  const up = trial.cli("up");
  const state = checkpointFile(trial.project.workspace, "dev");
  const watch = until(
    `the begin of ${operation}`,
    400,
    async () => {
      if (!pending(state).includes(operation)) return undefined;
      return kill(trial.folder);
    },
    { everyMs: 20, signal: killing.signal },
  );
  try {
    const first = await Promise.race([up.then(({ stderr }) => stderr), watch]);
    if (typeof first === "string") throw new Error(`up ended before it could be killed: ${first}`);
    expect(first).toBeGreaterThan(3);
    // Its own process is among the killed.
    expect((await up).code).not.toBe(0);
  } finally {
    killing.abort();
    await watch.catch(() => undefined);
  }
}

/** Names of the resources on which the engine is at work. */
function pending(state: string): string[] {
  if (!existsSync(state)) return [];
  try {
    const { checkpoint } = JSON.parse(readFileSync(state, "utf8"));
    const operations = (checkpoint.latest?.pending_operations ?? []) as { resource: { urn: string } }[];
    return operations.map(({ resource }) => resource.urn.split("::").at(-1) ?? "");
  } catch (error) {
    // It is being written.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** Kills what runs Pulumi for a project: by the folder that each of them works in. Answers how many. */
function kill(folder: string): number {
  const own = readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return environment.includes(`HASHISTACK_TRIAL=${folder}\0`) && /pulumi|hashistack\.js/.test(command);
      } catch {
        // It ended while this looked, or is the kernel's.
        return false;
      }
    });
  for (const pid of own) process.kill(pid, "SIGKILL");
  return own.length;
}

describe("a killed run", () => {
  beforeAll(async () => {
    await Promise.all([trial.open(), beside.open()]);
    // What npm stop is made of; it looks for the checkout where it lies itself.
    cpSync(join(checkout(), "bin"), join(trial.folder, "bin"), { recursive: true });
    for (const name of ["cli", "lab", "dist"]) symlinkSync(join(checkout(), name), join(trial.folder, name));
    trial.project.env.HASHISTACK_TRIAL = trial.folder;
    trial.configure((config) => {
      const groups = config["hashistack:groups"];
      for (const group of Object.values(groups)) group.keys = ["a"];
      config["hashistack:network"] = { family: "ipv4" };
      config["hashistack:site"] = { instances: 1 };
    });
  });
  afterAll(async () => {
    await trial.close();
    await beside.close();
  });

  it("is taken up by the next", async () => {
    await killedUp("control-a-apply");
    expect(await trial.lab.machines()).toHaveLength(4);
    const { code, stdout, stderr } = await trial.cli("up", "--json");
    expect(stderr).toContain('Removed the lock that a cut run left on stack "dev"');
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toMatchObject({ summary: { create: expect.any(Number) } });
    expect(await trial.lab.machines()).toHaveLength(4);
  });

  describe("and then all is as ever", () => {
    firstUp(trial);
    secondUp(trial);
    drift(trial);
    backup(trial);
  });

  it("is ended by npm stop, and the folder beside it is not touched", async () => {
    const machine = await beside.bareMachine("somebody");
    expect(await beside.lab.machines()).toEqual(["somebody"]);
    trial.configure((config) => config["hashistack:groups"].client?.keys.push("b"));
    await killedUp("client-b-apply");

    const stop = [process.execPath, join(trial.folder, "bin/stop.mjs")];
    const options = { what: "npm stop", cwd: trial.folder, env: trial.project.env, timeoutSeconds: 300 };
    const { code, stdout, stderr } = await runAny(stop, options);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(stdout).toContain("Stack, machines and state are gone; the caches are kept.");
    expect(existsSync(join(trial.folder, ".hashistack"))).toBe(false);
    await expect.poll(() => traces(trial.lab.name), { timeout: 10_000 }).toEqual([]);

    expect(await beside.lab.machines()).toEqual(["somebody"]);
    const [answer] = await beside.knock("router", [{ kind: "tcp", host: machine.privateIpv6, port: 22 }]);
    expect(answer).toBe("open");
  });
});
