import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ApplyInput, renderApplyInput } from "../../../components/provisioning/apply";
import { FolderMachine } from "./machine";

/** A table of nft's that a unit loads: what somebody did in the kernel since is seen and healed. */

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const path = "/etc/hashistack/tasks.nft";
const shown = "table inet hashistack {\n\tchain closed {\n\t\tip daddr 169.254.169.254 reject\n\t}\n}\n";
const listed = "nft list table inet hashistack";
const unit = "hashistack-tasks.service";

let machine: FolderMachine;
let content: string;
const input = (): ApplyInput =>
  renderApplyInput(
    { machine: "client-a", hostname: "dev-client-a", signer: { serverName: "x", caPem: "CA" } },
    {
      role: {
        files: [
          {
            ...{ path, content, owner: machine.user, group: machine.group, mode: "0644" },
            notifies: [{ unit, action: "reload" }],
          },
        ],
        units: [
          {
            ...{ name: unit, content: "[Service]\n", enable: true, onChange: "restart" },
            table: { name: "inet hashistack", file: path },
          },
        ],
      },
    },
  );

async function run<T>(verb: "create" | "check" | "repair"): Promise<T> {
  const ran = await machine.run("apply", input(), verb);
  expect(ran.stderr).toBe("");
  return JSON.parse(ran.stdout) as T;
}
const drift = async () => {
  const { drift: found } = await run<{ drift: { what: string; why: string; heals: boolean }[] }>("check");
  return found.map(({ what, why, heals }) => [what, why, heals]);
};

beforeEach(async () => {
  machine = new FolderMachine();
  content = "table inet hashistack\n";
  machine.answer(listed, shown);
  // What the file makes of a network that has nothing yet.
  machine.answer("unshare", shown);
  await run("create");
  machine.calls();
});
afterEach(() => machine.end());

test("one that is as its file makes it is nothing to tell, and no run but a close look asks the kernel", async () => {
  expect(await drift()).toEqual([]);
  expect(machine.calls()).toContain("unshare --net -- nft --interactive");
  await run("create");
  expect(machine.calls().filter((call) => /^(nft|unshare)/.test(call))).toEqual([]);
});

test.each([
  ["gone", "", "the kernel has no such table"],
  ["emptied", "table inet hashistack {\n}\n", `the kernel's rules are not those of ${path}`],
  [
    "with a rule more",
    shown.replace("\t\tip", "\t\taccept\n\t\tip"),
    `the kernel's rules are not those of ${path}`,
  ],
])("one that is %s is named, left alone by looking, and loaded again by a repair", async (_, now, why) => {
  machine.answer(listed, now);
  expect(await drift()).toEqual([["table inet hashistack", why, true]]);
  expect(machine.calls().filter((call) => /^systemctl (?!show)/.test(call))).toEqual([]);
  expect(await run("repair")).toMatchObject({
    changed: ["table inet hashistack loaded", expect.any(String)],
    left: [],
  });
  expect(machine.calls()).toContainEqual(expect.stringMatching(`^systemctl reload .*${unit}$`));
});

test("a file that was changed, or a unit that is down, is told once, as such", async () => {
  machine.answer(listed, "");
  machine.append(path, "# by hand\n");
  expect(await drift()).toEqual([[`file ${path}`, "its content was changed", true]]);
  await run("repair");
  machine.setUnit(unit, { ActiveState: "failed", Result: "exit-code" });
  expect(await drift()).toEqual([[`unit ${unit}`, "it is failed (exit-code)", true]]);
});
