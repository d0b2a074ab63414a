import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ENGINE, OTHER, PhaseClock } from "../../../bench/phases";
import type { PhaseRule } from "../../../cli/events";

const rules: PhaseRule[] = ["machines", "set-up", "jobs"].map((title) => ({
  title,
  holds: ({ name }) => name.startsWith(title),
}));
const urn = (name: string, type = "command:local:Command") => `urn:pulumi:dev::hashistack::${type}::${name}`;
const metadata = (name: string, op: string, custom = true, type?: string) => ({
  op,
  urn: urn(name, type),
  type: type ?? "command:local:Command",
  new: { custom },
});

function clockOf(...steps: [name: string, from: number, to: number][]): PhaseClock {
  const clock = new PhaseClock(rules);
  const events = steps.flatMap(([name, from, to]) => [
    { at: from, event: { resourcePreEvent: { metadata: metadata(name, "create") } } },
    { at: to, event: { resOutputsEvent: { metadata: metadata(name, "create") } } },
  ]);
  for (const { event, at } of events) clock.take(event, at);
  return clock;
}

test("each instant belongs to the earliest phase at work in it", () => {
  const shares = clockOf(
    ["machines-a", 1, 3],
    ["machines-b", 2, 5],
    ["set-up-a", 3, 7],
    ["jobs-a", 9, 10],
  ).shares(12);
  expect(shares).toEqual([
    { title: "machines", resources: 2, from: 1, to: 5, busy: 4, share: 4 },
    { title: "set-up", resources: 1, from: 3, to: 7, busy: 4, share: 2 },
    { title: "jobs", resources: 1, from: 9, to: 10, busy: 1, share: 1 },
    { title: ENGINE, resources: 0, from: 0, to: 12, busy: 5, share: 5 },
  ]);
});

test("two resources of a phase with a pause between them are busy for less than the span", () => {
  const [machines] = clockOf(["machines-a", 0, 1], ["machines-b", 4, 6]).shares(6);
  expect(machines).toMatchObject({ from: 0, to: 6, busy: 3, share: 3 });
});

test("what no rule holds comes last", () => {
  const shares = clockOf(["secret", 0, 4], ["jobs-a", 1, 2]).shares(4);
  expect(shares.map(({ title, share }) => [title, share])).toEqual([
    ["jobs", 1],
    [OTHER, 3],
    [ENGINE, 0],
  ]);
});

test("frames, providers and what stays the same are no work", () => {
  const clock = new PhaseClock(rules);
  const steps = [
    metadata("machines-frame", "create", false),
    metadata("machines-same", "same"),
    metadata("machines-provider", "create", true, "pulumi:providers:vault"),
  ];
  for (const step of steps) clock.take({ resourcePreEvent: { metadata: step } }, 0);
  for (const step of steps) clock.take({ resOutputsEvent: { metadata: step } }, 1);
  expect(clock.shares(2).map(({ title }) => title)).toEqual([ENGINE]);
});

test("a failed resource was worked on until it failed", () => {
  const clock = new PhaseClock(rules);
  clock.take({ resourcePreEvent: { metadata: metadata("jobs-a", "update") } }, 1);
  clock.take({ resOpFailedEvent: { metadata: metadata("jobs-a", "update") } }, 4);
  expect(clock.shares(5)[0]).toMatchObject({ title: "jobs", share: 3 });
});

test("the shares add up to the whole, and none is more than its phase was busy", () => {
  const step = fc.tuple(
    fc.constantFrom("machines", "set-up", "jobs", "else"),
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: 0, max: 50 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const clock = clockOf(
        ...steps.map(([phase, from, length], n): [string, number, number] => [
          `${phase}-${n}`,
          from,
          from + length,
        ]),
      );
      const shares = clock.shares(100);
      expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(100);
      for (const { share, busy, from, to } of shares) {
        expect(share).toBeLessThanOrEqual(busy + 1e-9);
        expect(busy).toBeLessThanOrEqual(to - from + 1e-9);
      }
    }),
  );
});
