import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runUp } from "../../../bench/bring-up";
import { Interrupted } from "../../../bench/errors";
import type { Project } from "../../../bench/project";
import type { EngineOptions } from "../../../cli/engine";

const engine = vi.hoisted(() => ({ run: (_: EngineOptions): Promise<never> => Promise.reject(new Error()) }));
vi.mock("../../../cli/engine", async (original) => ({
  ...(await original<object>()),
  runEngine: (options: EngineOptions) => engine.run(options),
}));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("an engine that does not stop is told again, to drop what is under way", async () => {
  const told: string[] = [];
  engine.run = ({ signal, hardSignal }) =>
    new Promise((_, reject) => {
      // One listener at both, as the engine's own: at one and the same signal it would be told once.
      const tell = (): void => {
        told.push("stop");
        if (told.length === 2) reject(new Error("dropped"));
      };
      signal?.addEventListener("abort", tell);
      hardSignal?.addEventListener("abort", tell);
    });
  const stop = new AbortController();
  const up = runUp({ workspace: { root: "/" }, env: {} } as unknown as Project, stop.signal);
  const ended = expect(up).rejects.toThrow(Interrupted);
  stop.abort();
  expect(told).toEqual(["stop"]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(told).toEqual(["stop", "stop"]);
  await ended;
});
