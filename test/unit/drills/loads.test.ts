import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Ground } from "../../../bench/drills/ground";
import { Loads } from "../../../bench/drills/loads";
import { Interrupted } from "../../../bench/errors";

test("loads that do not come up are ended, so that nobody waits for them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  const stop = new AbortController();
  // Two that begin and never tell of anything; they end with their standard input, as the real ones do.
  const program = `
    require("fs").writeFileSync(${JSON.stringify(folder)} + "/" + process.pid, "");
    process.stdin.resume().on("end", () => process.exit(0));`;
  const ground = {
    signal: stop.signal,
    lab: { argv: () => [process.execPath, "-e", program] },
    id: (machine: string) => machine,
    patiently: async () => ({ auth: { client_token: "token" } }),
    outputs: {
      ca: {},
      apis: Object.fromEntries(
        ["consul", "vault", "nomad"].map((name) => [
          name,
          { address: "https://127.0.0.1:1", serverName: name },
        ]),
      ),
      loadBalancers: [],
      machines: { "support-a": {}, "client-a": {} },
      support: { name: "support-a" },
    },
  } as unknown as Ground;
  const started = (): string[] => readdirSync(folder);
  const lives = (pid: string): boolean =>
    existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  try {
    const loads = Loads.start(ground, "client-a");
    const refused = expect(loads).rejects.toThrow(Interrupted);
    await expect.poll(() => started().length, { timeout: 10_000 }).toBe(2);
    stop.abort();
    await refused;
    expect(started().filter(lives)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
