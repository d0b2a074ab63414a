import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  awaitConsulToken,
  firstStartFiles,
  renderNomadSurroundings,
} from "../../../components/bootstrap/first-start";
import { type Handler, runPython, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

/** Runs the wait of a Consul client whose files lie in the stage's folder. */
async function token(handler: Handler, seconds = 10) {
  const { address, asked } = await stage.service(handler, "server.dc1.consul");
  const etc = join(stage.folder, "consul.d");
  mkdirSync(etc, { recursive: true });
  const agent = {
    datacenter: "dc1",
    ports: { https: Number(address.split(":")[1]) },
    retry_join: ["127.0.0.1"],
    tls: { defaults: { ca_file: stage.authority.at("root.pem") } },
  };
  writeFileSync(join(etc, "agent.json"), JSON.stringify(agent));
  writeFileSync(join(etc, "secrets.json"), JSON.stringify({ acl: { tokens: { agent: "own" } } }));
  const code = [
    `import sys; sys.path.insert(0, ${JSON.stringify(join(__dirname, "../../../components/bootstrap/machine"))})`,
    "import first_start as f",
    `f.CONSUL, f.SEEN, f.TOKEN_SECONDS = ${JSON.stringify(etc)}, ${JSON.stringify(join(stage.folder, "seen"))}, ${seconds}`,
    "try: f.token()",
    "except f.Failure as failure: print(failure, file=sys.stderr)",
  ].join("\n");
  return { ran: await runPython(["-B", "-c", code]), asked };
}

test("an agent waits until the servers know its token, and never again", async () => {
  let polls = 0;
  const known: Handler = () => (++polls < 3 ? [403, "ACL not found"] : [200, {}]);
  const first = await token(known);
  expect(first.ran).toMatchObject({ status: 0, stderr: "" });
  expect(first.asked).toMatchObject(Array(3).fill({ path: "/v1/acl/token/self", token: "own" }));
  expect((await token(known)).asked).toEqual([]);
});

test("an agent whose token nobody makes starts all the same, and waits again the next time", async () => {
  const { ran } = await token(() => [403, "ACL not found"], 1);
  expect(ran).toMatchObject({ status: 0 });
  expect(ran.stderr).toContain("the servers know this agent's token: not so after 1 s");
  expect(existsSync(join(stage.folder, "seen"))).toBe(false);
});

test("what the units run is among the files that come with them", () => {
  const paths = firstStartFiles().map((file) => file.path);
  const { files, units } = renderNomadSurroundings();
  expect(files?.map((file) => file.path)).toEqual(paths);
  for (const text of [awaitConsulToken, units?.[0]?.content]) {
    expect(paths).toContain(/-B (\S+\.py)/.exec(text ?? "")?.[1]);
  }
});
