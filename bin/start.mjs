/**
 * `npm start`: from a fresh clone to a running cluster. Says what it will do, looks whether the host can do it before
 * anything is changed, does what is missing, and ends with how to use the cluster. Run again, it changes nothing.
 */
import { hostFacts, missingOf, npmIsCurrent } from "./host.mjs";
import * as steps from "./steps.mjs";
import { wordsTyped } from "./words.mjs";

const help = `npm start

From a fresh clone to a running cluster in this host: installs what lacks, builds, and brings the stack "dev" up. Again, it
changes nothing.

  --help   this

Exit codes: 0 it is up · 1 it failed · 2 this host cannot, or it was not understood · 130 interrupted`;

function plan(facts) {
  const packages = facts.missingPackages ?? [];
  const minutes = facts.toolchainCached
    ? ""
    : "  (the first time: a few minutes by download, about 30 where they must be built)";
  return [
    'This brings up the stack "dev": eight machines inside this host, with Consul, Vault, Nomad and a website.',
    "",
    `  Debian packages   ${packages.length > 0 ? `will install ${packages.join(", ")}` : "all there"}`,
    `  npm packages      ${npmIsCurrent() ? "all there" : "will install into node_modules"}`,
    `  programs          cached in ${facts.cache.path}${minutes}`,
    "  machines' image   cached there too  (about 3 minutes the first time)",
    "  state             .hashistack/ in this folder; nothing is written elsewhere but /run and /var/lib of the lab",
    "",
  ].join("\n");
}

async function main() {
  const began = performance.now();
  const facts = hostFacts();
  const missing = missingOf(facts);
  if (missing.length > 0) {
    console.error(
      `This host cannot bring the cluster up; nothing was changed.\n${missing.map((line) => `  - ${line}`).join("\n")}`,
    );
    return 2;
  }
  console.log(plan(facts));
  const todo = [
    ["Debian packages", steps.debian],
    ["npm packages", steps.npm],
    ["build", steps.build],
    ["programs", steps.toolchain],
    ["machines' image", steps.image],
    ["cluster", () => steps.hashistack("up").then(() => "up")],
  ];
  // A cluster that runs proves more than a look would.
  if (!facts.clusterExists) todo.splice(3, 0, ["host", steps.hostCheck]);
  for (const [index, [title, step]] of todo.entries()) {
    const since = performance.now();
    const head = `${index + 1}/${todo.length}  ${title}`;
    console.log(`${head} …`);
    const done = await step();
    console.log(`${head}: ${done} (${steps.seconds(since)})`);
  }
  console.log(
    `\n  Stop        npm stop   (destroys the machines and the state, keeps the caches)\n\nAll of it took ${steps.seconds(began)}.`,
  );
  return 0;
}

wordsTyped(help);
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof steps.StepError ? `\n${error.message}` : error);
  process.exitCode = error.exitCode === 130 ? 130 : 1;
}
