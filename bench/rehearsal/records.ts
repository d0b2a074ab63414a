/** Whether an address is told to visitors only while somebody answers there: the records, watched while something is done. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LabLinode } from "../../lab/linode/lab-linode";
import type { Ran } from "../run";

export interface Watched<T> {
  readonly done: T;
  /** What the records said, one after the other. Example: ["203.0.113.13", "203.0.113.14"]. */
  readonly said: readonly string[];
  /** What was wrong, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * Looks at all A records of the account until the work is done. Each address that comes must answer at that moment; as long as
 * it is told its machine must be there; and there is never none.
 *
 * @param visitAt asks for the site at an address, as a visitor would who was told of it
 */
export async function watchRecords<T>(
  linode: LabLinode,
  visitAt: (address: string) => Promise<Ran>,
  work: () => Promise<T>,
): Promise<Watched<T>> {
  const said: string[] = [];
  const problems = new Set<string>();
  const answered = new Map<string, Promise<void>>();
  const look = (): void => {
    const { domains, instances } = linode.api.state;
    const told = [
      ...new Set(
        [...domains.values()].flatMap(({ records }) =>
          records.filter(({ type }) => type === "A").map(({ target }) => target),
        ),
      ),
    ].sort();
    if (said.at(-1) !== told.join(", ")) said.push(told.join(", "));
    if (told.length === 0) problems.add("for a while no address was told");
    const there = new Set(
      [...instances.values()].flatMap(({ view }) => (view.status === "deleting" ? [] : view.ipv4)),
    );
    for (const address of told) {
      if (!there.has(address)) problems.add(`${address} was told while its machine was gone or going`);
      if (answered.has(address)) continue;
      const visit = visitAt(address).then(({ code, stderr }) => {
        if (code !== 0) problems.add(`${address} was told and did not answer: ${stderr.trim()}`);
      });
      answered.set(address, visit);
      // It is waited for at the end: until then nobody hears that it was broken off.
      visit.catch(() => undefined);
    }
  };
  let over = false;
  const working = work().finally(() => {
    over = true;
  });
  while (!over) {
    look();
    await Promise.race([sleep(100), working.catch(() => undefined)]);
  }
  look();
  await Promise.all(answered.values());
  return { done: await working, said, problems: [...problems] };
}
