import { afterEach, beforeEach, expect, test } from "vitest";
import { type AcmeRun, lastRun, renew, runNow } from "../../../cli/acme";
import type { Outputs } from "../../../cli/outputs";
import { type Answer, type Asked, Stage, serverName } from "../bootstrap/programs";
import { outputsFixture } from "./outputs.fixture";

/** What the command line tells of the last run for a public certificate. */

const acme = {
  ...{ job: "acme", namespace: "ingress", run: "secret/data/ingress/acme/run", force: "secret/data/f" },
};
const began = Date.parse("2026-11-23T15:07:00.400Z");
const kept: AcmeRun = { at: "2026-11-23T15:07:01Z", result: "kept", message: "nothing is due" };

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

interface Case {
  runs?: { ID: string; Status: string; SubmitTime: number }[];
  kept?: AcmeRun;
  allocations?: object[];
  log?: string;
}

async function outputsOf(answer: (asked: Asked) => Answer): Promise<Outputs> {
  const { address } = await stage.service(answer);
  const api = { address: `https://${address}`, serverName };
  const ca = stage.authority.rootPem;
  return {
    ...outputsFixture(),
    apis: { consul: api, nomad: api, vault: api },
    ca: { nomad: ca, vault: ca },
  };
}

async function last(one: Case): Promise<AcmeRun | undefined> {
  const answer = ({ path, token }: Asked): Answer => {
    if (path === "/v1/auth/approle/login") return [200, { auth: { client_token: "vault" } }];
    if (path === `/v1/${acme.run}` && token === "vault")
      return one.kept ? [200, { data: { data: one.kept } }] : [404, { errors: [] }];
    if (path === "/v1/jobs?namespace=ingress&prefix=acme%2Fperiodic-") return [200, one.runs ?? []];
    if (path.startsWith("/v1/job/acme%2Fperiodic-2/allocations?")) return [200, one.allocations ?? []];
    if (path.startsWith("/v1/client/fs/logs/a1?") && path.includes("type=stderr"))
      return [200, one.log ?? ""];
    return [404, `no route ${path}`];
  };
  return lastRun(await outputsOf(answer), acme);
}

const run = (number: number, status: string, at = began) => ({
  ...{ ID: `acme/periodic-${number}`, Status: status, SubmitTime: at * 1e6 },
});
const failed = (events: object[]) => ({
  ID: "a1",
  ClientStatus: "failed",
  TaskStates: { acme: { Events: events } },
});

test("a run by hand is waited for within a limit that is one", async () => {
  for (const limit of [Number("soon"), 0, -1, Number.POSITIVE_INFINITY]) {
    const options = { stack: "dev", cwd: "/nonexistent", force: false, limit };
    await expect(renew(options)).rejects.toThrow("--limit must be a number of minutes above 0");
  }
});

/** Nomad with one run that has ended. Who begins another one within the same second begins a run of the same name. */
function nomadWithRuns({ name, sameName = false }: { name: string; sameName?: boolean }) {
  const runs = [{ ID: sameName ? name : "acme/periodic-1", Status: "dead", SubmitTime: began * 1e6 }];
  let looks = 0;
  const written: string[] = [];
  const answer = ({ method, path, token }: Asked): Answer => {
    const [at = "", query] = path.split("?");
    if (at === "/v1/auth/approle/login") return [200, { auth: { client_token: "vault" } }];
    if (at === `/v1/${acme.force}` && method === "PUT" && token === "vault") {
      written.push("force");
      return [204];
    }
    if (at === `/v1/${acme.run}`)
      return [200, { data: { data: { ...kept, message: `told of by ${written}` } } }];
    if (query !== undefined && !query.includes("namespace=ingress")) return [403, "no namespace"];
    if (at === "/v1/jobs") return [200, runs];
    if (at === "/v1/job/acme/periodic/force" && method === "POST") {
      written.push("begun");
      looks = 2;
      return [200, { EvalID: "e1" }];
    }
    if (at === "/v1/evaluation/e1") return [200, { JobID: name }];
    if (at === `/v1/job/${encodeURIComponent(name)}`)
      return [200, { ID: name, Status: looks-- > 0 ? "running" : "dead", SubmitTime: 0 }];
    if (at === `/v1/job/${encodeURIComponent(name)}/allocations`)
      return [
        200,
        [
          { ID: "a0", CreateIndex: 7, ClientStatus: "failed", TaskStates: null },
          { ID: "a1", CreateIndex: 9, ClientStatus: "complete", TaskStates: null },
        ],
      ];
    return [404, `no route ${method} ${path}`];
  };
  return { answer, written };
}

test.each<[string, boolean]>([
  ["", false],
  [", though one that has ended has that too", true],
])("a run by hand is the one that was begun, by its name%s", async (_though, sameName) => {
  const nomad = nomadWithRuns({ name: "acme/periodic-1779548823", sameName });
  const outputs = await outputsOf(nomad.answer);
  expect(await runNow(outputs, acme, { force: true, limit: 0.1 })).toBe("told of by force,begun");
});

test("before any run there is none", async () => {
  expect(await last({})).toBeUndefined();
});

test("what the newest run kept counts, and after Nomad has forgotten it, too", async () => {
  expect(await last({ runs: [run(1, "dead", began - 9e6), run(2, "dead")], kept })).toEqual(kept);
  expect(await last({ kept })).toEqual(kept);
});

test("one that is under way is told of", async () => {
  expect(await last({ runs: [run(1, "dead", began - 9e6), run(2, "running")], kept })).toMatchObject({
    result: "running",
  });
});

const old = { ...kept, at: "2026-11-23T03:07:01Z" };

test.each<[string, Case, string]>([
  [
    "in its last words",
    {
      allocations: [failed([{ Type: "Started" }])],
      log: "acme: x\nacme: no certificate: vault cannot be asked\n",
    },
    "vault cannot be asked",
  ],
  [
    "in Nomad's, where it never began",
    {
      allocations: [
        failed([
          { Type: "Received", DisplayMessage: "Task received by client" },
          { Type: "Failed Artifact Download", DisplayMessage: "checksums did not match" },
          { Type: "Not Restarting", DisplayMessage: "Policy allows no restarts" },
        ]),
      ],
    },
    "checksums did not match",
  ],
  ["where no client takes it", { allocations: [] }, "Nomad found no place for it"],
])("a run that could keep nothing tells why: %s", async (_where, one, why) => {
  expect(await last({ runs: [run(2, "dead")], kept: old, ...one })).toEqual({
    at: "2026-11-23T15:07:00.400Z",
    result: "failed",
    message: why,
  });
});

test("a run that ended well and kept nothing is no failure", async () => {
  const allocations = [{ ID: "a1", ClientStatus: "complete", TaskStates: {} }];
  expect(await last({ runs: [run(2, "dead")], kept: old, allocations })).toEqual(old);
});
