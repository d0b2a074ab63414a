import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { matches } from "../../../bench/cuts/cut";
import { childrenNamed, killTree } from "../../../bench/cuts/kill";
import { ordered, pick, points } from "../../../bench/cuts/points";
import type { EngineEvent } from "../../../cli/events";

const names = (picked: readonly { name: string }[]): string[] => picked.map(({ name }) => name);

describe("the points", () => {
  it("have names of their own", () => {
    expect(new Set(names(points)).size).toBe(points.length);
  });

  it("are picked by name, spread evenly, or all", () => {
    expect(names(pick(["destroy:jobs", "up:jobs"], 1))).toEqual(["destroy:jobs", "up:jobs"]);
    expect(() => pick(["up:nothing"], undefined)).toThrow(/no point "up:nothing"/);
    const some = pick([], 8);
    expect(new Set(names(some)).size).toBe(8);
    expect(new Set(some.map(({ run }) => run))).toEqual(new Set(["up", "scale-in", "destroy"]));
    expect(pick([], 10_000)).toEqual(points);
  });

  it("are ordered so that each cluster serves as many as it can, and none is lost", () => {
    const some = pick(["destroy:jobs", "up:jobs", "up:10%", "scale-in:drain", "destroy:machines"], undefined);
    expect(names(ordered(some))).toEqual([
      ...["up:jobs", "scale-in:drain", "destroy:jobs", "up:10%", "destroy:machines"],
    ]);
    expect(names(ordered(points)).sort()).toEqual(names(points).sort());
  });
});

describe("an event", () => {
  const step = (name: string, type: string, op = "create") => ({
    metadata: { op, type, urn: `urn:pulumi:dev::p::${type}::${name}`, new: { custom: true }, old: null },
  });
  const begun = (name: string, type = "command:local:Command", op?: string): EngineEvent => ({
    resourcePreEvent: step(name, type, op),
  });

  it("is the point when that resource's work begins or ends", () => {
    const when = { on: "begin", resource: "client-a" } as const;
    expect(matches(when, begun("client-a"), 0)).toBe(true);
    expect(matches(when, begun("client-b"), 0)).toBe(false);
    // Its random name, and what is left as it is.
    expect(matches(when, begun("client-a", "random:index/randomId:RandomId"), 0)).toBe(false);
    expect(matches(when, begun("client-a", undefined, "same"), 0)).toBe(false);
    expect(matches({ ...when, on: "end" }, begun("client-a"), 0)).toBe(false);
    expect(
      matches({ ...when, on: "end" }, { resOutputsEvent: step("client-a", "command:local:Command") }, 0),
    ).toBe(true);
  });

  it("is the point when the share of the work is done", () => {
    const event = { resOutputsEvent: step("x", "command:local:Command") };
    expect([43, 44].map((done) => matches({ on: "share", share: 0.5 }, event, done))).toEqual([false, true]);
  });
});

it("a tree of processes is killed whole, whatever its members do about it", async () => {
  const script = `trap '' TERM INT; sleep 600 & sh -c "sleep 600 & wait" & echo ready; wait`;
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  expect(childrenNamed(process.pid, "sh")).toContain(child.pid);
  await expect.poll(() => childrenNamed(child.pid as number, "sh").length).toBe(1);
  const [inner = 0] = childrenNamed(child.pid as number, "sh");
  await expect.poll(() => childrenNamed(inner, "sleep").length).toBe(1);
  const ended = once(child, "exit");
  expect(killTree(child.pid as number)).toBe(4);
  expect(await ended).toEqual([null, "SIGKILL"]);
  // Its parent is gone: whoever reaps it may take his time.
  const stat = `/proc/${inner}/stat`;
  await expect.poll(() => existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8"))).toBe(false);
});
