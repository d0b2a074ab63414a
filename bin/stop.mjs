/**
 * `npm stop`: destroys the stacks of local machines and the lab, and leaves only the caches. It also ends what a
 * killed run left. Stacks of other clouds that keep their state here are never touched.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { asRoot, root } from "./host.mjs";
import { sealedSettings, stacksHere } from "./stacks.mjs";
import * as steps from "./steps.mjs";
import { wordsTyped } from "./words.mjs";

const help = `npm stop [-- --force]

Destroys the stacks of local machines and the lab: machines, networks, state. The caches stay.

  --force  ends the lab without asking the engine, and forgets the state
  --help   this

Exit codes: 0 all is gone · 1 it failed · 2 it was not understood · 130 interrupted`;

const folder = join(root, ".hashistack");

async function main(force) {
  if (!existsSync(join(root, "dist", "lab", "machines", "main.js"))) {
    if (!existsSync(folder)) {
      console.log("Nothing was started from this folder.");
      return 0;
    }
    await steps.npm();
    await steps.build();
  }
  const stacks = stacksHere(root);
  for (const { name } of stacks.filter(({ local, resources }) => local && resources > 0)) {
    if (force) continue;
    try {
      await steps.hashistack("destroy", "--stack", name);
    } catch (error) {
      if (error.exitCode === 2 || error.exitCode === 130) throw error;
      console.error(`${error.message}\nGoing on: the machines of stack "${name}" end with the lab.`);
    }
  }
  await steps.run(
    "ending the lab",
    asRoot([steps.node(), join(root, "lab", "bin", "hashistack-lab.js"), "down"]),
  );
  // A state that cannot be read may be all that knows of machines elsewhere.
  const others = stacks.filter(({ local, resources }) => !local && resources !== 0).map(({ name }) => name);
  if (others.length > 0) {
    console.log(
      `The lab is gone. ${folder} stays: it holds the state of ${others.join(", ")}, which are not on machines of this lab.`,
    );
    return 0;
  }
  const sealed = sealedSettings(root);
  const kept = sealed.length > 0 ? "passphrase" : undefined;
  for (const name of existsSync(folder) ? readdirSync(folder) : [])
    if (name !== kept) rmSync(join(folder, name), { recursive: true, force: true });
  if (!kept) rmSync(folder, { recursive: true, force: true });
  console.log("Stack, machines and state are gone; the caches are kept.");
  if (kept && existsSync(join(folder, kept)))
    console.log(`${join(folder, kept)} stays: ${sealed.join(", ")} can be read with it alone.`);
  return 0;
}

const { force = false } = wordsTyped(help, ["force"]);
try {
  process.exitCode = await main(force);
} catch (error) {
  console.error(error instanceof steps.StepError ? error.message : error);
  if (error.exitCode === 2)
    console.error("To end the lab all the same and forget the state: npm stop -- --force");
  process.exitCode = error.exitCode === 130 ? 130 : 1;
}
