/** What goes wrong at Linode before the up that shall succeed. */
import type { Fault } from "../../lab/linode/faults";
import { ask } from "./emulated";
import { type Hands, lastWords } from "./hands";

/** Two ups that fail, each by more than one cause; the next one bears a machine that is slow. */
export async function stumble(hands: Hands): Promise<void> {
  const { config } = hands;
  const timing = config["hashistack:timing"];
  // What is wrong in them is not to be waited for longer than the settings allow to say.
  config["hashistack:timing"] = { ...timing, newMachineMinutes: 1 };
  hands.write();
  await loseAnswers(hands);
  await failAndBeSilent(hands);
  config["hashistack:timing"] = timing;
  hands.write();
  // The silent one is made anew.
  await fault(hands, { machine: "edge-a", instance: "slow", slowMs: 8000 });
}

/** An up that is told to come again, which it bears, and that loses the answer to a machine's making, which it cannot. */
async function loseAnswers(hands: Hands): Promise<void> {
  // Who is to fail in the next up is refused while the answer is lost: all are asked for at once, and it might be made here.
  await fault(hands, { machine: "client-a", delayMs: 2000, status: 500, done: true });
  for (const machine of ["control-a", "edge-a"]) await fault(hands, { machine, delayMs: 4000, status: 500 });
  await fault(hands, { machine: "", status: 429, times: 2, retryAfter: 1 });
  await hands.check("an up that loses an answer fails, and says whose", async () => {
    const ran = await hands.cli("up", "--json");
    const { found } = lastWords(ran);
    return { ok: ran.code === 1 && found.includes("client-a"), found };
  });
  await faultsMet(hands);
}

/** An up in which one machine's making fails later, and another one runs and never answers: nothing mends either. */
async function failAndBeSilent(hands: Hands): Promise<void> {
  // After the first failure nothing is begun: the other one's first login must have been.
  await fault(hands, { machine: "control-a", instance: "fails", slowMs: 20_000 });
  await fault(hands, { machine: "edge-a", instance: "mute" });
  await hands.check("an up with a machine that fails and one that is silent says which", async () => {
    const ran = await hands.cli("up", "--json");
    const { found } = lastWords(ran);
    return { ok: ran.code === 1 && found.includes("control-a") && found.includes("edge-a"), found };
  });
  await faultsMet(hands);
}

/** Lets a machine's making go wrong; without a name, anybody's. */
async function fault(
  { config, linode }: Hands,
  { machine, ...what }: { machine: string } & Omit<Fault, "on" | "label">,
): Promise<void> {
  const of = machine === "" ? {} : { label: `${config["hashistack:name"]}-${machine}` };
  await ask(linode.api.url, "POST", "/lab/faults", { on: "POST /linode/instances", ...of, ...what });
}

export function faultsMet(hands: Hands): Promise<boolean> {
  return hands.check("each fault met a request", async () => {
    const { faults } = await ask<{ faults: object[] }>(hands.linode.api.url, "GET", "/lab/faults");
    return { ok: faults.length === 0, found: faults.length === 0 ? "yes" : JSON.stringify(faults) };
  });
}
