/** What becomes of living machines when settings change: the table of docs/linode.md, and the order of records. */
import type { Ran } from "../run";
import { type Hands, lastWords } from "./hands";
import { watchRecords } from "./records";

/** A size that no group of the stack has. */
const otherSize = "g6-standard-4";
const otherAdmin = "192.0.2.11/32";

/**
 * Settings that a provider would answer by replacing, resizing or restarting machines; then a load balancer made anew.
 * @param visitAt asks for the site at an address
 */
export async function changeSettings(
  hands: Hands,
  visitAt: (address: string) => Promise<Ran>,
): Promise<void> {
  const { config, linode } = hands;
  const { instances, firewalls } = linode.api.state;
  const ids = () => [...instances.keys()].sort().join();
  const before = ids();
  for (const group of Object.values(config["hashistack:groups"] ?? {})) group.size = otherSize;
  config["hashistack:cloud"] = { ...config["hashistack:cloud"], backups: false };
  config["hashistack:adminCidrs"] = [...(config["hashistack:adminCidrs"] ?? []), otherAdmin];
  hands.write();
  await hands.command("an up after other sizes, backups and admins", "up", "--json");
  await hands.check("no machine was made anew or resized for it; backups and rules are changed", async () => {
    const views = [...instances.values()].map(({ view }) => view);
    const resized = views.filter(({ type }) => type === otherSize).map(({ label }) => label);
    const backed = views.filter(({ backups }) => backups.enabled).map(({ label }) => label);
    const open = [...firewalls.values()].some(({ view }) => JSON.stringify(view.rules).includes(otherAdmin));
    const same = ids() === before;
    const words = [
      same ? "the same machines" : "other machines",
      `resized: ${resized.join() || "none"}`,
      `backed up: ${backed.join() || "none"}`,
      `rules ${open ? "changed" : "unchanged"}`,
    ];
    return { ok: same && resized.length + backed.length === 0 && open, found: words.join(", ") };
  });
  await hands.check(
    "a load balancer made anew is told of when it answers, and the old one goes after that",
    async () => {
      const replace = () => hands.cli("replace", "edge-a", "--json");
      const { done, said, problems } = await watchRecords(linode, visitAt, replace);
      if (done.code !== 0) return lastWords(done);
      const sized = [...instances.values()].some(
        ({ view }) => view.label.includes("-edge-a-") && view.type === otherSize,
      );
      const words = [`records: ${said.join(" → ")}`, ...problems, ...(sized ? [] : ["it has the old size"])];
      return { ok: problems.length === 0 && said.length > 1 && sized, found: words.join("; ") };
    },
  );
}
