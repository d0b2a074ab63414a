import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, type Asked, run, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

interface Deployment {
  Status: string;
  JobVersion: number;
  [key: string]: unknown;
}

/** Nomad's jobs, as far as the program uses them. One job; how it fares is the test's to say. */
class FakeNomad {
  job: { ID: string; Namespace: string; Version: number; Type: string; Meta?: object } | undefined;
  type = "service";
  refusal: string | undefined;
  deployments: Deployment[] = [];
  past: Deployment[] = [];
  allocations: Record<string, unknown>[] = [];
  registered: { Job: { Meta?: object }; EnforceIndex: boolean; JobModifyIndex: number }[] = [];
  variables = "";
  stops: string[] = [];
  evaluations = 0;
  evaluated = () => {};

  readonly answer = ({ method, path, body }: Asked): Answer => {
    const at = path.split("?")[0] as string;
    if (at === "/v1/jobs/parse") {
      if (this.refusal) return [400, this.refusal];
      this.variables = (body as { Variables: string }).Variables;
      return [200, { ID: "website", Namespace: "website", Type: this.type }];
    }
    if (at === "/v1/job/website/plan") return [200, { JobModifyIndex: 41 }];
    if (at === "/v1/jobs") {
      const sent = body as (typeof this.registered)[number];
      this.registered.push(sent);
      this.job = { ...(sent.Job as NonNullable<typeof this.job>), Version: (this.job?.Version ?? -1) + 1 };
      return [200, { EvalID: "e1" }];
    }
    if (at === "/v1/evaluation/e1") return [200, { Status: "complete" }];
    if (at === "/v1/job/website/deployment") {
      return [200, this.deployments.length > 1 ? this.deployments.shift() : (this.deployments[0] ?? null)];
    }
    if (at === "/v1/job/website/deployments") return [200, this.past];
    if (at === "/v1/job/website/allocations") {
      const now = this.allocations;
      if (this.stops.length > 0) this.allocations = now.map((a) => ({ ...a, ClientStatus: "complete" }));
      return [200, now];
    }
    if (at === "/v1/job/website/evaluate") {
      this.evaluations += 1;
      this.evaluated();
      return [200, {}];
    }
    if (at === "/v1/job/website/evaluations") {
      const FailedTGAllocs = { website: { NodesEvaluated: 2, ConstraintFiltered: { "missing drivers": 2 } } };
      return [200, [{ Status: "blocked", FailedTGAllocs }]];
    }
    if (at === "/v1/job/website" && method === "DELETE") {
      this.stops.push(path);
      return [200, {}];
    }
    if (at === "/v1/job/website") return this.job ? [200, this.job] : [404, "job not found"];
    if (at.startsWith("/v1/client/fs/logs/a1")) return [200, "listen tcp :443: bind: permission denied\n"];
    return [404, `no route ${method} ${at}`];
  };
}

const good = (version = 0): Deployment => ({ Status: "successful", JobVersion: version });
const failing = (version = 0): Deployment => ({
  Status: "failed",
  StatusDescription: "Failed due to progress deadline",
  JobVersion: version,
});
const allocation = (status: string, version = 0, events: object[] = []) => ({
  ID: "a1",
  Name: "website.website[0]",
  NodeName: "dev-client-a-1f",
  ClientStatus: status,
  DesiredStatus: "run",
  JobVersion: version,
  CreateIndex: 5,
  TaskStates: { website: { State: status === "running" ? "running" : "dead", Events: events } },
});

async function job(nomad: FakeNomad, more: object = {}, verb = "create") {
  const { address } = await stage.service(nomad.answer);
  const input = {
    nomad: stage.access([address], "token"),
    hcl: 'job "website" {}',
    variables: {},
    namespace: "website",
    jobId: "website",
    timeoutSeconds: 1,
    ...more,
  };
  return run("nomad_job", input, { verb });
}

test("a job is parsed by Nomad, registered against what was planned, and waited for", async () => {
  const nomad = new FakeNomad();
  const counting = {
    Status: "running",
    JobVersion: 0,
    TaskGroups: { g: { HealthyAllocs: 1, DesiredTotal: 2 } },
  };
  nomad.deployments = [counting, counting, good()];
  expect(await job(nomad)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(nomad.registered).toMatchObject([{ EnforceIndex: true, JobModifyIndex: 41 }]);
});

test("variables reach the file as they are, whatever is in them", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [good()];
  const variables = { n: 2, list: ["a"], object: { url: "x" }, text: `a "b"\n$${"{c}"} %{d} $path` };
  await job(nomad, { variables });
  expect(nomad.variables.split("\n")).toEqual([
    'list = ["a"]',
    "n = 2",
    'object = {"url": "x"}',
    'text = "a \\"b\\"\\n$${c} %%{d} $path"',
    "",
  ]);
});

test("a text has only such escapes as HCL knows", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [good()];
  await job(nomad, { variables: { text: "\u{1f600}\b\f\\b\u0001" } });
  expect(nomad.variables).toBe('text = "\u{1f600}\\u0008\\u000c\\\\b\\u0001"\n');
});

test("what Nomad refuses is told in its own words", async () => {
  const nomad = new FakeNomad();
  nomad.refusal = 'Failed to parse job: Unset variable "domain"';
  const ran = await job(nomad);
  expect(ran.stderr.trim()).toBe(
    'support-a: nomad_job: job website in namespace website: Nomad refuses it: Failed to parse job: Unset variable "domain"',
  );
});

test("a file of another job is not run", async () => {
  const nomad = new FakeNomad();
  expect((await job(nomad, { jobId: "other" })).stderr).toContain(
    "its file says job website in namespace website",
  );
  expect(nomad.registered).toEqual([]);
});

test("a deployment that fails ends it at once, with events and last lines of the one that is ill", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [failing()];
  const events = [{ Type: "Started" }, { Type: "Terminated", DisplayMessage: "Exit Code: 1" }];
  nomad.allocations = [allocation("failed", 0, events)];
  const ran = await job(nomad, { timeoutSeconds: 60 });
  expect(ran.stderr).toContain(
    "job website in namespace website: its deployment Failed due to progress deadline",
  );
  expect(ran.stderr).toContain("| website.website[0] on dev-client-a-1f: failed");
  expect(ran.stderr).toContain("| website: Terminated: Exit Code: 1");
  expect(ran.stderr).toContain("| website: listen tcp :443: bind: permission denied");
});

test("a version that Nomad takes back is a failure, though the one before runs well again", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [{ Status: "running", JobVersion: 0, TaskGroups: {} }];
  const revert = () => {
    nomad.past = [
      good(1),
      { ...failing(0), StatusDescription: "Failed due to progress deadline - rolling back" },
    ];
    nomad.deployments = [good(1)];
    if (nomad.job) nomad.job = { ...nomad.job, Version: 1 };
  };
  const events = [{ Type: "Failed Artifact Download", DisplayMessage: "Checksums did not match" }];
  nomad.allocations = [
    { ...allocation("complete", 0, events), DeploymentStatus: { Healthy: false } },
    allocation("pending", 1),
  ];
  const { answer } = nomad;
  const asked: string[] = [];
  const reverting = Object.assign(nomad, {
    answer: (call: Asked): Answer => {
      if (call.path.startsWith("/v1/job/website/deployment?")) asked.push(call.path);
      if (asked.length === 3) revert();
      return answer(call);
    },
  });
  const ran = await job(reverting, { timeoutSeconds: 60 });
  expect(ran.stderr).toContain("its deployment Failed due to progress deadline - rolling back");
  expect(ran.stderr).toContain("| website: Failed Artifact Download: Checksums did not match");
});

test("a job without a place says why when its time is over", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [
    { Status: "running", JobVersion: 0, TaskGroups: { g: { HealthyAllocs: 0, DesiredTotal: 2 } } },
  ];
  const ran = await job(nomad);
  expect(ran.stderr).toContain("g: 0 of 2 healthy; website has no place (2 nodes: missing drivers on 2)");
});

test("a job whose last deployment failed is tried again, as a new version", async () => {
  const nomad = new FakeNomad();
  nomad.job = { ID: "website", Namespace: "website", Version: 4, Type: "service" };
  nomad.deployments = [failing(4), good(5)];
  expect((await job(nomad)).status).toBe(0);
  expect(nomad.registered[0]?.Job.Meta).toEqual({ retried_version: "4" });
});

test("a system job is there when each node's allocation is well, whatever its deployment counts", async () => {
  const well = { ...allocation("running"), DeploymentStatus: { Healthy: true } };
  const counting = { Status: "running", JobVersion: 0, TaskGroups: {} };
  const tried = async (deployment: Deployment, ...allocations: Record<string, unknown>[]) => {
    const nomad = new FakeNomad();
    nomad.type = "system";
    nomad.deployments = [deployment];
    nomad.allocations = allocations;
    return (await job(nomad)).stderr;
  };
  expect(await tried(good(), allocation("pending"))).toContain("0 of 1 allocations healthy");
  expect(await tried(counting, well, allocation("running"))).toContain("1 of 2 allocations healthy");
  expect(await tried(counting, well, well)).toBe("");
  // Of a node that came later, no deployment tells.
  expect(await tried(good(), well, allocation("running"))).toBe("");
  // Its predecessor on a drained node is nobody's any more.
  expect(await tried(counting, well, { ...allocation("complete"), DesiredStatus: "stop" })).toBe("");
});

test("a system job without a deployment is taken on from node to node, one at a time", async () => {
  const nomad = new FakeNomad();
  nomad.type = "system";
  nomad.job = { ID: "website", Namespace: "website", Version: 4, Type: "system" };
  nomad.deployments = [failing(3)];
  nomad.allocations = [allocation("running", 5), allocation("running", 4), allocation("running", 4)];
  nomad.evaluated = () => {
    const next = nomad.allocations.findIndex((a) => a.JobVersion === 4);
    nomad.allocations[next] = allocation("running", 5);
  };
  expect(await job(nomad, { timeoutSeconds: 10 })).toMatchObject({ status: 0, stderr: "" });
  expect(nomad.evaluations).toBe(2);
});

test("a job counts as there when its service passes as often as asked", async () => {
  const nomad = new FakeNomad();
  nomad.deployments = [good()];
  let passing = 1;
  const consul = await stage.service(() => [200, Array.from({ length: passing++ })]);
  const services = [{ name: "website", passing: 3 }];
  const ran = await job(nomad, { consul: stage.access([consul.address]), services, timeoutSeconds: 10 });
  expect(ran.status).toBe(0);
  expect(consul.asked).toHaveLength(3);
  nomad.job = undefined;
  const late = await stage.service(() => [200, []]);
  const failed = await job(nomad, { consul: stage.access([late.address]), services });
  expect(failed.stderr).toContain("website passing 3 times in Consul: not so after");
});

test("a job that goes is purged, and gone when nothing of it runs", async () => {
  const nomad = new FakeNomad();
  nomad.allocations = [allocation("running")];
  expect((await job(nomad, {}, "delete")).status).toBe(0);
  expect(nomad.stops).toEqual(["/v1/job/website?purge=true&namespace=website"]);
});
