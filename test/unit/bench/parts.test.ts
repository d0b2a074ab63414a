import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BenchError, Interrupted } from "../../../bench/errors";
import { floorMachines, readPhases } from "../../../bench/floor";
import { checkout, labNameOf } from "../../../bench/lab";
import { previewIn } from "../../../bench/preview";
import { previewSettings } from "../../../bench/preview/settings";
import { freeKey } from "../../../bench/project";
import { run, runAny, until } from "../../../bench/run";
import { parseSettings } from "../../../components/settings";

test.each([10, 100, 500])("settings of %i clients are valid and have them all", (clients) => {
  const { groups } = parseSettings(previewSettings(clients));
  expect(new Set(groups.client?.keys).size).toBe(clients);
});

test("a preview's figures come last, after the plan that the cluster tells", () => {
  const run = { clients: 10, seconds: 1, loadSeconds: 1, peakMb: 300, resources: 180, components: 57 };
  expect(previewIn(`info: [runtime] Plan of "bench"\n  {\n${JSON.stringify(run)}\n`)).toEqual(run);
});

test("the floor has as many machines as the dev stack", () => {
  const settings = readFileSync(join(checkout(), "Pulumi.dev.yaml"), "utf8");
  const keys = [...settings.matchAll(/^ +keys: \[(.+)\]$/gm)].flatMap(([, list]) =>
    (list as string).split(","),
  );
  expect(floorMachines).toHaveLength(keys.length);
});

test("the labs of two checkouts and of two parts have names of their own, which the lab takes", () => {
  const names = [labNameOf("floor", "/a"), labNameOf("floor", "/b"), labNameOf("cluster", "/a")];
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,30}$/);
});

test("a machine more gets a key that no other has", () => {
  expect(freeKey(["a", "b"])).toBe("c");
  expect(freeKey(["b"])).toBe("a");
  expect(freeKey([..."abcdefghijklmnopqrstuvwxyz"])).toBe("n27");
});

test("a floor that stopped before its job is no figure", () => {
  const boot = '{"phase":"boot","seconds":1}\n';
  expect(readPhases(`${boot}{"phase":"job","seconds":2}\n`)).toHaveLength(2);
  expect(() => readPhases(boot)).toThrow(BenchError);
});

const node = (script: string) => [process.execPath, "-e", script];

test("a program that fails is told by its own words", async () => {
  await expect(run(node("console.error('no disk'); process.exit(3)"), { what: "making" })).rejects.toThrow(
    "making: no disk",
  );
  await expect(run(["/nowhere/program"], { what: "making" })).rejects.toThrow("is not installed");
  expect(await runAny(node("process.exit(3)"), { what: "making" })).toMatchObject({ code: 3 });
});

test("a program that does not end is ended, with what it started", async () => {
  const child =
    "require('child_process').spawn(process.execPath,['-e','setInterval(()=>{},9)'],{stdio:'inherit'})";
  const begun = performance.now();
  await expect(run(node(child), { what: "waiting", timeoutSeconds: 0.5 })).rejects.toThrow(
    "no end after 0.5 s",
  );
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 300);
  await expect(run(node(child), { what: "waiting", signal: stop.signal })).rejects.toThrow(Interrupted);
  // Both wait for the grandchild's end of the pipe.
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test("lines come as they are printed", async () => {
  const lines: string[] = [];
  await run(node("process.stdout.write('a\\nb'); process.stdout.write('c\\n')"), {
    what: "printing",
    onLine: (line) => lines.push(line),
  });
  expect(lines).toEqual(["a", "bc"]);
});

test("a wait ends with the last reason, and at once when interrupted", async () => {
  const refused = () => Promise.reject(new Error("refused"));
  await expect(until("the site", 0.05, refused, { everyMs: 5 })).rejects.toThrow(
    "the site did not come within 0.05 s: refused",
  );
  await expect(until("the site", 60, refused, { signal: AbortSignal.abort() })).rejects.toThrow(Interrupted);
  let asked = 0;
  expect(await until("the site", 60, async () => (++asked > 2 ? asked : undefined), { everyMs: 1 })).toBe(3);
});
