/** What goes wrong at Linode before the up that shall succeed. */
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
  const slow = { instance: "slow", slowMs: 8000, label: `${config["hashistack:name"]}-edge` };
  await ask(hands.linode.api.url, "POST", "/lab/faults", { on: "POST /linode/instances", ...slow });
}

/** An up that is told to come again, which it bears, and that loses the answer to a machine's making, which it cannot. */
async function loseAnswers(hands: Hands): Promise<void> {
  const on = "POST /linode/instances";
  const client = `${hands.config["hashistack:name"]}-client`;
  await ask(hands.linode.api.url, "POST", "/lab/faults", { on, status: 429, times: 2, retryAfter: 1 });
  await ask(hands.linode.api.url, "POST", "/lab/faults", { on, label: client, status: 500, done: true });
  await hands.check("an up that loses an answer fails, and says whose", async () => {
    const ran = await hands.cli("up", "--json");
    const { found } = lastWords(ran);
    return { ok: ran.code === 1 && found.includes("client-"), found };
  });
  await faultsMet(hands);
}

/** An up in which one machine's making fails later, and another one runs and never answers: nothing mends either. */
async function failAndBeSilent(hands: Hands): Promise<void> {
  const on = "POST /linode/instances";
  const name = hands.config["hashistack:name"];
  await ask(hands.linode.api.url, "POST", "/lab/faults", { on, label: `${name}-control`, instance: "fails" });
  await ask(hands.linode.api.url, "POST", "/lab/faults", { on, label: `${name}-edge`, instance: "mute" });
  await hands.check("an up with a machine that fails and one that is silent says which", async () => {
    const ran = await hands.cli("up", "--json");
    const { found } = lastWords(ran);
    return { ok: ran.code === 1 && found.includes("control-a") && found.includes("edge-a"), found };
  });
  await faultsMet(hands);
}

export function faultsMet(hands: Hands): Promise<boolean> {
  return hands.check("each fault met a request", async () => {
    const { faults } = await ask<{ faults: object[] }>(hands.linode.api.url, "GET", "/lab/faults");
    return { ok: faults.length === 0, found: faults.length === 0 ? "yes" : JSON.stringify(faults) };
  });
}
