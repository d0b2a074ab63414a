import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { raiseLinode } from "../../../lab/linode/lab-linode.js";

/** What is done, in order; and what fails. */
const world = vi.hoisted(() => ({ folder: "", done: [] as string[], fails: "" }));
const does = vi.hoisted(() => async (what: string): Promise<void> => {
  world.done.push(what);
  if (what === world.fails) throw new Error(`${what} failed`);
});
vi.mock("../../../lab/machines/verbs.js", () => ({ endLab: () => does("end lab") }));
vi.mock("../../../lab/machines/lab.js", () => ({ openLab: () => does("open lab") }));
vi.mock("../../../lab/machines/state.js", async (original) => ({
  ...(await original<object>()),
  labDir: () => world.folder,
}));
vi.mock("../../../lab/linode/index.js", () => ({
  startLinodeApi: async () => {
    await does("start API");
    return { close: () => does("end API") };
  },
}));
vi.mock("../../../lab/linode/outside.js", () => ({
  apiPort: 8080,
  openOutside: async () => {
    await does("open outside");
    return () => does("end outside");
  },
}));

beforeEach(() => {
  world.folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  world.done = [];
});
afterEach(() => rmSync(world.folder, { recursive: true, force: true }));

const raise = () => raiseLinode({ lab: "unit", subnet: "10.20.0.0/24" });
const begun = ["end lab", "open lab", "start API", "open outside"];

it("ends all that it began, the last first", async () => {
  world.fails = "";
  await (await raise()).close();
  expect(world.done).toEqual([...begun, "end outside", "end API", "end lab"]);
});

it.each([
  ["open lab", 2, ["end lab"]],
  ["start API", 3, ["end lab"]],
  ["open outside", 4, ["end API", "end lab"]],
])("leaves nothing when it cannot %s", async (what, count, ended) => {
  world.fails = what;
  await expect(raise()).rejects.toThrow(`${what} failed`);
  expect(world.done).toEqual([...begun.slice(0, count), ...ended]);
});

it("ends the lab though something before it does not end well", async () => {
  world.fails = "end outside";
  const linode = await raise();
  await expect(linode.close()).rejects.toThrow("end outside failed");
  expect(world.done.slice(-3)).toEqual(["end outside", "end API", "end lab"]);
});
