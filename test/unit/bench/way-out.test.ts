import { expect, test } from "vitest";
import { lookAtWayOut } from "../../../bench/rehearsal/way-out";
import type { LabLinode } from "../../../lab/linode/lab-linode";

test("an outside in which nobody can answer is told in a sentence", async () => {
  const support = { order: { label: "support" }, view: { id: 1, tags: ["support"], ipv4: ["203.0.113.13"] } };
  const linode = {
    api: { state: { instances: new Map([[1, support]]) } },
    fromStranger: () => ["/nowhere/program"],
  } as unknown as LabLinode;
  const never = () => Promise.reject(new Error("not asked"));
  await expect(lookAtWayOut(never, { lab: "none", linode, visit: never })).rejects.toThrow(
    /^the server outside does not run \(spawn \/nowhere\/program ENOENT\)/,
  );
});
