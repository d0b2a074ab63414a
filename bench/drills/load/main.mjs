/**
 * Puts a constant load on the cluster from the network namespace in which it is started. The first line of standard
 * input is JSON: { seconds, loads: [{ name, kind: "site" | "write", perSecond, … }] } (see site.mjs and write.mjs); each
 * further one, { name, … }, changes what the load of that name has. Each request begins when its time has come, however
 * many are under way. A line of JSON on standard output for each that has ended: { load, at, ms, ok, tries, why?, key? },
 * and four times a second { mark }: all that began before it have ended. Ends by itself after `seconds`, or when standard
 * input ends: whoever started it is gone.
 */
import { createInterface } from "node:readline";
import { visit } from "./site.mjs";
import { write } from "./write.mjs";

const kinds = { site: visit, write };
const lines = createInterface({ input: process.stdin });
const [first] = await new Promise((resolve) => lines.once("line", (line) => resolve([line])));
lines.on("close", () => process.exit(0));
// Whoever listened is gone.
process.stdout.on("error", () => process.exit(0));

const { seconds, loads } = JSON.parse(first);
lines.on("line", (line) => {
  const { name, ...change } = JSON.parse(line);
  for (const load of loads) if (load.name === name) Object.assign(load, change);
});
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
/** When what is under way began. */
const underWay = new Set();

function begin({ name, kind, perSecond: _, ...load }, turn) {
  const own = { at: Date.now() };
  underWay.add(own);
  kinds[kind](load, turn).then((end) => {
    underWay.delete(own);
    tell({ load: name, at: own.at, ms: Date.now() - own.at, ...end });
  });
}

for (const load of loads) {
  let turn = 0;
  const period = 1000 / load.perSecond;
  begin(load, turn++);
  // At any moment of its period: in step with another load each would always meet the same one of two instances.
  setInterval(() => setTimeout(() => begin(load, turn++), Math.random() * period), period);
}
setInterval(() => tell({ mark: Math.min(Date.now(), ...[...underWay].map(({ at }) => at)) }), 250);
setTimeout(() => process.exit(0), seconds * 1000);
