import { expect, test, vi } from "vitest";
import { cutRun } from "../../../bench/cuts/cut";
import type { Project } from "../../../bench/project";
import type { EngineOptions } from "../../../cli/engine";
import type { EngineEvent } from "../../../cli/events";

/** An engine that says this much and has ended: there is no process of its name. */
const said = vi.hoisted(() => ({ events: [] as EngineEvent[] }));
vi.mock("../../../cli/engine", async (original) => ({
  ...(await original<object>()),
  runEngine: async ({ onEvent }: EngineOptions) => {
    for (const event of said.events) onEvent?.(event, { running: [] } as never);
  },
}));

const project = { workspace: { root: "/" }, env: {} } as unknown as Project;
const type = "command:remote:Command";
const begun: EngineEvent = {
  resourcePreEvent: {
    metadata: {
      ...{ op: "create", type, urn: `urn:pulumi:dev::p::${type}::website` },
      ...{ new: { custom: true }, old: null },
    },
  },
} as unknown as EngineEvent;

test.each([
  ["its point never came", [], undefined],
  ["there was nobody left to kill", [begun], undefined],
  ["it was done before the time was over", [begun], 60_000],
])("a run is no cut one when %s", async (_why, events, afterMs) => {
  said.events = events;
  const cut = cutRun(project, "none", "up", { on: "begin", resource: "website", afterMs });
  await expect(cut).rejects.toThrow("the run ended before it could be cut");
});
