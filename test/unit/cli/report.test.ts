import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EngineError, type EngineResult } from "../../../cli/engine";
import type { RunState } from "../../../cli/events";
import { humanSeconds, Progress, progressLine } from "../../../cli/progress";
import { failureText, summaryText, unchanged, upText } from "../../../cli/report";
import { outputsFixture } from "./outputs.fixture";

const state: RunState = {
  phases: [
    { title: "machines", known: 8, done: 8 },
    { title: "enrolment", known: 8, done: 5 },
    { title: "set-up of machines", known: 2, done: 0 },
  ],
  running: [
    { urn: "u1", name: "control-a-apply", op: "create", since: 1000 },
    { urn: "u2", name: "control-b-apply", op: "create", since: 1005 },
  ],
  known: 18,
  done: 13,
  failures: [],
  warnings: [],
};

describe("humanSeconds", () => {
  it.each([
    [0, "0 s"],
    [59.9, "59 s"],
    [95, "1 min 35 s"],
    [3725, "1 h 2 min"],
    [-1, "0 s"],
  ])("%d is %s", (seconds, text) => expect(humanSeconds(seconds)).toBe(text));
});

describe("progressLine", () => {
  it("has the time, what is not done yet, and what takes longest", () => {
    expect(progressLine(state, 42, 1012)).toBe(
      "42 s  enrolment 5/8, set-up of machines 0/2  (control-a-apply 12 s and 1 more)",
    );
  });
  it("says that it starts, and keeps the last phase when all is done", () => {
    expect(progressLine({ ...state, phases: [], running: [] }, 1, 1000)).toBe("1 s  starting");
    const done = { ...state, phases: state.phases.slice(0, 1), running: [] };
    expect(progressLine(done, 1, 1000)).toBe("1 s  machines 8/8");
  });
});

describe("Progress", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("without a terminal writes a line for a phase that ended, and another one now and then", () => {
    const written: string[] = [];
    const progress = new Progress({ write: (text) => written.push(text) });
    progress.update(state);
    expect(written).toEqual(["       0 s  machines: 8 done\n"]);
    vi.advanceTimersByTime(9_000);
    expect(written).toHaveLength(1);
    vi.advanceTimersByTime(3_000);
    expect(written).toHaveLength(2);
    expect(written[1]).toMatch(/^1[0-2] s {2}enrolment 5\/8/);
    progress.stop();
    vi.advanceTimersByTime(60_000);
    expect(written).toHaveLength(2);
  });

  it("on a terminal rewrites one line, never longer than the terminal, and clears it at the end", () => {
    const written: string[] = [];
    const progress = new Progress({ isTTY: true, columns: 30, write: (text) => written.push(text) }, 90);
    progress.update({ ...state, running: [] });
    vi.advanceTimersByTime(400);
    const last = written.at(-1) ?? "";
    expect(last).toBe("\r\x1b[2K0 s of about 1 min 30 s  enro");
    progress.stop();
    expect(written.at(-1)).toBe("\r\x1b[2K");
  });
});

describe("report", () => {
  const error = (failures: EngineError["failures"], code = 1): EngineError =>
    new EngineError('up of stack "dev" failed', failures, { ...state, failures }, code);

  it("counts in words", () => {
    expect(summaryText({ create: 3, same: 0, replace: 1 })).toBe("3 created, 1 replaced");
    expect(summaryText({})).toBe("no resources");
    expect(unchanged({ same: 4, update: 0 })).toBe(true);
    expect(unchanged({ same: 4, update: 1 })).toBe(false);
  });

  it("shows a failure whole and ends with what failed", () => {
    const message = "control-b: phase units: vault.service failed\nline of the log";
    expect(failureText(error([{ resource: "control-b-apply", message }]))).toBe(
      'control-b-apply:\n  control-b: phase units: vault.service failed\n  line of the log\n\nup of stack "dev" failed',
    );
  });
  it("says once what broke several in the same way", () => {
    const failures = ["b", "a"].map((resource) => ({ resource, message: `${resource}: no sysctl\nhere` }));
    expect(failureText(error([...failures, { message: "other" }]))).toBe(
      'a, b:\n  no sysctl\n  here\n\nother\n\nup of stack "dev" failed',
    );
  });
  it("does not say a name twice", () => {
    expect(failureText(error([{ resource: "edge-a", message: "edge-a: no address" }]))).toMatch(
      /^edge-a: no address\n/,
    );
  });
  it("only names what a cancelled run did not finish", () => {
    expect(
      failureText(
        error(
          [
            { resource: "a", message: "cancelled" },
            { resource: "b", message: "x" },
          ],
          130,
        ),
      ),
    ).toBe('up of stack "dev" failed; not finished: a, b');
  });

  it("ends with what the user wants, and no secret", () => {
    const result: EngineResult = {
      summary: { create: 120 },
      seconds: 61,
      outputs: outputsFixture(),
      warnings: ["w"],
    };
    const text = upText(result, "dev");
    expect(text).toMatch(
      /^Stack "dev" is up: 120 created, in 1 min 1 s\.\nwarning: w\n\n {2}Site {8}https:\/\/127\.77\.0\.3\n/,
    );
    expect(text).toContain("npx hashistack ssh support-a");
    expect(text).not.toMatch(/secret$|consul-secret|nomad-secret|PRIVATE KEY/m);
    expect(upText(result, "wide")).toContain("npx hashistack status --stack wide");
  });
});
