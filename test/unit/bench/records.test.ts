import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { watchRecords } from "../../../bench/rehearsal/records";
import type { Ran } from "../../../bench/run";
import type { LabLinode } from "../../../lab/linode/lab-linode";

const [old, fresh] = ["203.0.113.13", "203.0.113.14"];
const good: Ran = { code: 0, stdout: "", stderr: "" };

/** A Linode whose one record says this, and whose machines have these addresses. */
function linodeWith(told: string[], there: string[]): LabLinode {
  const records = told.map((target) => ({ type: "A", target }));
  const instances = there.map((ipv4, id) => [id, { view: { status: "running", ipv4: [ipv4] } }] as const);
  const state = { domains: new Map([[1, { records }]]), instances: new Map(instances) };
  return { api: { state } } as unknown as LabLinode;
}

test("what is told is visited once, and must be there", async () => {
  const visited: string[] = [];
  const visit = async (address: string): Promise<Ran> => {
    visited.push(address);
    return address === fresh ? { ...good, code: 7, stderr: "refused\n" } : good;
  };
  const work = () => sleep(150, "done");
  expect(await watchRecords(linodeWith([fresh, old], [fresh]), visit, work)).toEqual({
    done: "done",
    said: [`${old}, ${fresh}`],
    problems: [
      `${old} was told while its machine was gone or going`,
      `${fresh} was told and did not answer: refused`,
    ],
  });
  expect(visited).toEqual([old, fresh]);
});

test("a visit that is broken off ends the watch with the work, and not the process", async () => {
  let ended = false;
  const work = async (): Promise<void> => {
    await sleep(50);
    ended = true;
  };
  const visit = () => Promise.reject(new Error("interrupted"));
  await expect(watchRecords(linodeWith([old], [old]), visit, work)).rejects.toThrow("interrupted");
  expect(ended).toBe(true);
});
