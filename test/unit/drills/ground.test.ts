import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { Ground } from "../../../bench/drills/ground";
import { BenchError } from "../../../bench/errors";
import type { Lab } from "../../../bench/lab";
import type { Project } from "../../../bench/project";
import type { RunOptions } from "../../../bench/run";
import type { Outputs } from "../../../cli/outputs";

const programs = vi.hoisted(() => ({ run: (_: RunOptions): Promise<string> => Promise.resolve("") }));
vi.mock("../../../bench/run", async (original) => ({
  ...(await original<object>()),
  run: (_argv: readonly string[], options: RunOptions) => programs.run(options),
}));

test("a lab that does not answer while a command is under way fails the drill, and not the process", async () => {
  let ended = false;
  programs.run = async ({ what }) => {
    if (what === "the lab's machines") throw new BenchError("the lab's machines: no answer");
    await sleep(50);
    ended = true;
    return "";
  };
  const lab = { argv: (...words: string[]) => words } as unknown as Lab;
  const project = { workspace: { root: "/" }, env: {} } as unknown as Project;
  const ground = new Ground(lab, {} as Outputs, undefined, project);
  await expect(ground.hashistack("up")).rejects.toThrow("the lab's machines: no answer");
  expect(ended).toBe(true);
});
