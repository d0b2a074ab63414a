import { expect, test } from "vitest";
import { type ClusterRun, clientEnd, siteEnd, type UpRun, unchangedEnd } from "../../../bench/cluster";
import type { FloorRun } from "../../../bench/floor";
import { wasBusy } from "../../../bench/host";
import { aimText, columns, figureText, type Measured, reportJson, reportText } from "../../../bench/report";

const host = {
  cores: 2,
  load: [0.1, 0.2, 0.3],
  memoryMb: 8000,
  freeMb: 6000,
  kernel: "6.1",
  node: "v24.0.0",
  at: "2026-11-23T00:00:00.000Z",
};
const floor = (seconds: number): FloorRun => ({
  machines: 8,
  seconds,
  phases: [
    { phase: "boot", seconds: seconds / 2 },
    { phase: "job", seconds: seconds / 2 },
  ],
});
const up = (seconds: number, end: string): UpRun => ({
  seconds,
  end,
  engineSeconds: seconds,
  summary: {},
  phases: [{ title: "machines", resources: 8, from: 1, to: 11, busy: 10, share: 10 }],
  logins: { "dev-support-a-01": 9, "dev-client-a-02": 2 },
});
const cluster = (first: number, end = siteEnd): ClusterRun => ({
  first: up(first, end),
  second: up(8, unchangedEnd),
  client: up(20, clientEnd),
});
const measured = (more: Partial<Measured>): Measured => ({
  host,
  floor: [],
  cluster: [],
  ingress: [],
  preview: [],
  ...more,
});
const line = (text: string, start: string): string =>
  text.split("\n").find((one) => one.startsWith(start)) ?? `no line begins with "${start}"`;

test("figures stand beside the floor, and every ratio says that its end is another one", () => {
  const text = reportText(measured({ floor: [floor(20)], cluster: [cluster(48)] }));
  expect(line(text, "floor, 8 machines")).toMatch(/ 20\.0 .*passes in Consul/);
  expect(line(text, "first up ")).toMatch(/ 48\.0 +2\.4 \* +60, 2\.5 x: met +the site answers/);
  expect(line(text, "second up")).toMatch(/ 8\.0 +0\.4 \* +10: met/);
  expect(line(text, "one client more")).toMatch(/ 20\.0 +1\.0 \* +15: missed/);
  expect(text).toContain("* Unlike ends");
});

test("without the floor there is no ratio and nothing to explain", () => {
  const text = reportText(measured({ cluster: [cluster(48)] }));
  expect(text).not.toContain("*");
  expect(line(text, "first up ")).toContain("not judged, no floor");
});

test("several runs give medians and their range", () => {
  const text = reportText(measured({ floor: [floor(20), floor(30), floor(22)] }));
  expect(text).toContain("Medians of 3 runs");
  expect(line(text, "floor, 8 machines")).toContain("22.0 (20.0-30.0)");
  expect(line(text, "  boot")).toContain("11.0 (10.0-15.0)");
});

test("an aim is judged only where the end is its own, in every run", () => {
  const aim = { end: siteEnd, seconds: 60, ratio: 2.5 };
  expect(aimText(59, 2.4, [siteEnd], aim)).toBe("60, 2.5 x: met");
  expect(aimText(59, 2.6, [siteEnd], aim)).toBe("60, 2.5 x: missed");
  expect(aimText(61, 2.4, [siteEnd], aim)).toBe("60, 2.5 x: missed");
  expect(aimText(61, undefined, [siteEnd], aim)).toBe("60, 2.5 x: missed");
  expect(aimText(10, 0.5, ["the engine is done"], aim)).toContain("not judged");
  expect(aimText(10, 0.5, [siteEnd, "the engine is done"], aim)).toContain("not judged");
});

test("logins of support are told apart: it is the way in to the others", () => {
  const text = reportText(measured({ cluster: [cluster(48)] }));
  expect(line(text, "  first up: at most")).toContain("at most 2 (9)");
  expect(line(text, "SSH logins")).toContain("aim 2: met");
});

test("phases have their part of the engine's time", () => {
  const text = reportText(measured({ cluster: [cluster(40)] }));
  expect(line(text, "  machines")).toMatch(/machines +10\.0 +25 +1\.0 +11\.0 +10\.0 +8$/);
});

test("a busy host is told", () => {
  expect(wasBusy({ cores: 2, load: [0.4] })).toBe(false);
  expect(wasBusy({ cores: 2, load: [1.9] })).toBe(true);
  expect(reportText(measured({ host: { ...host, load: [5, 5, 5] } }))).toContain("Others were at work");
});

test("previews are judged by the median run of each size", () => {
  const preview = (clients: number, seconds: number, perClient: number) => ({
    clients,
    seconds,
    loadSeconds: 1,
    peakMb: 100 + clients,
    resources: 50 + perClient * clients,
    components: clients,
  });
  const run = (perClient: number) => [preview(10, 1, perClient), preview(100, 10, perClient)];
  const fine = reportText(measured({ preview: [run(11), run(11), run(11)] }));
  expect(fine).toContain("One client more: 12 resources, 11 of them of plugins (linear; aim 12: met)");
  expect(reportText(measured({ preview: [run(12)] }))).toContain("aim 12: missed");
});

test("the JSON has every run and what they are judged by", () => {
  const document = JSON.parse(reportJson(measured({ floor: [floor(20), floor(21)] })));
  expect(document.floor).toHaveLength(2);
  expect(document.busy).toBe(false);
  expect(document.differences.length).toBeGreaterThan(0);
  expect(document.aims.first).toMatchObject({ seconds: 60, ratio: 2.5 });
});

test("columns are as wide as their widest cell", () => {
  expect(
    columns([
      ["a", "bbb", "c"],
      ["aaaa", "b", ""],
    ]),
  ).toBe("a     bbb  c\naaaa  b");
  expect(figureText(undefined)).toBe("-");
});
