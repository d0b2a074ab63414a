import { afterAll, expect, test, vi } from "vitest";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

const machine = new FolderMachine();
afterAll(() => machine.end());

const run = (source: string, verb: "create" | "update" | "delete" = "create", timeoutSeconds = 60) =>
  machine.run("program", { token: "a-secret" }, verb, { source, timeoutSeconds });

test("a program's answer is JSON on stdout; an update without a function of its own is a create", async () => {
  const ran = await run("def create(input):\n  return {'n': len(input)}\n", "update");
  expect(ran).toEqual({ status: 0, stdout: '{"n": 1}', stderr: "" });
  expect(await run("def create(input):\n  return 1\n", "delete")).toEqual({
    status: 0,
    stdout: "",
    stderr: "",
  });
});

test("a failure is one sentence with machine and program, and the last thirty lines of its log", async () => {
  const source =
    "from hashistack import Failure\ndef create(input):\n  raise Failure('no luck', '\\n'.join(map(str, range(40))))\n";
  const ran = await run(source);
  expect(ran.status).toBe(1);
  const lines = ran.stderr.trimEnd().split("\n");
  expect(lines[0]).toBe("control-a: program: no luck");
  expect(lines.slice(1)).toEqual(Array.from({ length: 30 }, (_, n) => `  | ${n + 10}`));
});

test("a bug says where, and no value", async () => {
  const ran = await run("def create(input):\n  return {}[input['token']]\n");
  expect(ran.stderr.trim()).toMatch(/^control-a: program: KeyError at program\.py:2/);
  expect(ran.stderr).not.toContain("a-secret");
});

test("a command that is not done in time is told of with its own words", async () => {
  const source =
    "import host\ndef create(input):\n  host.run(['sh', '-c', 'echo why >&2; exec sleep 60'], limit=1)\n";
  const ran = await run(source);
  expect(ran.stderr).toMatch(/^control-a: program: sh -c .* not done within 1 s\n {2}\| why\n$/);
});

test("an error of the system says which file", async () => {
  const ran = await run("def create(input):\n  open('/nonexistent/file')\n");
  expect(ran.stderr).toContain(
    "FileNotFoundError (No such file or directory: /nonexistent/file) at program.py:2",
  );
});

test("what takes too long ends, with its children", async () => {
  const ran = await run("import host\ndef create(input):\n  host.run(['sleep', '50'])\n", "create", 1);
  expect(ran.stderr.trim()).toBe("control-a: program: not done within 1 s");
});
