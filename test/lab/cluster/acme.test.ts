import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AcmeRun } from "../../../cli/acme";
import { acmePaths } from "../../../components/jobs/acme";
import { type AcmeOutside, raiseAcme } from "../../../lab/acme/outside";
import { type LabLinode, raiseLinode } from "../../../lab/linode/lab-linode";
import { programFile } from "../support/acme";
import { Trial, until } from "../support/trial";
import { Visitors } from "../support/visitors";

/**
 * The site's certificate from an ACME server (Pebble, strict) outside of the lab, proven in an emulated Linode domain, on a
 * small cluster: what the job, its role, the ingress, the command line and the engine have to do with each other. What else can go wrong
 * with an ACME server is tried in ../acme.test.ts.
 */

const trial = new Trial("acme");
const name = "www.dev.test";
const token = "domains-only";

interface Setting {
  credential: { token: string };
  [other: string]: unknown;
}

describe("a site with a public certificate", () => {
  let folder: string;
  let linode: LabLinode | undefined;
  let acme: AcmeOutside | undefined;
  let visitors: Visitors | undefined;

  beforeAll(async () => {
    await trial.open();
    folder = mkdtempSync(join(tmpdir(), "hashistack-acme-"));
    linode = await raiseLinode({ lab: trial.lab.name, subnet: "198.51.100.0/24", tokens: [token] });
    linode.api.state.domains.set(1, domain("dev.test"));
    const program = await programFile("pebble");
    acme = await raiseAcme({ program, fromOutside: linode.fromOutside, folder });
    trial.configure((config) => {
      const groups = config["hashistack:groups"];
      for (const group of ["control", "client", "edge"]) Object.assign(groups[group] ?? {}, { keys: ["a"] });
      config["hashistack:site"] = { instances: 1 };
      config["hashistack:acme"] = {
        email: "ops@dev.test",
        ...acme?.settings,
        domains: ["dev.test", "*.dev.test"],
        credential: { token: "stolen" },
      };
    });
    const { code, stderr } = await trial.cli("up", "--json");
    if (code !== 0) throw new Error(`the first up: ${stderr}`);
  });
  afterAll(async () => {
    visitors?.end();
    await acme?.end();
    await linode?.close();
    await trial.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  const change = (edit: (setting: Setting) => void): void =>
    trial.configure((config) => edit(config["hashistack:acme"] as Setting));

  /** Which of these roots vouches for what the load balancer shows to a visitor. */
  async function vouched(): Promise<string[]> {
    const { loadBalancers } = await trial.outputs();
    const roots = { own: await ownRoot(), pebble: acme?.root ?? "" };
    const host = loadBalancers[0]?.address ?? "";
    const answers = await trial.request(
      "",
      Object.values(roots).map((ca) => ({ host, port: 443, ca, serverName: name, headers: { host: name } })),
    );
    return Object.keys(roots).filter((_, index) => answers[index]?.status === 200);
  }

  /** Of what the command line knows the site by, the first is the cluster's own authority. */
  const ownRoot = async (): Promise<string> =>
    /-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/.exec((await trial.outputs()).ca.site ?? "")?.[0] ?? "";

  const serial = async (): Promise<string> => {
    const { data } = await trial.ask<{ data: { cert: string } }>("vault", `/v1/${acmePaths.certificate}`);
    return data.cert;
  };

  it("whose credential is refused shows the cluster's own, and status says why", async () => {
    const text = await until("the end of the first run", 60, async () => {
      const { code, stdout } = await trial.cli("status");
      return code === 1 && stdout.includes("No public certificate at") ? stdout : undefined;
    });
    expect(text).toMatch(/- No public certificate at 20\S+: .*\[401\] Invalid Token/);
    expect(text).not.toContain("stolen");
    expect(await vouched()).toEqual(["own"]);
  });

  it("has it when the credential is right, and no visit fails for it", async () => {
    visitors = await Visitors.start(trial, (await trial.outputs()).ca.site ?? "");
    const from = Date.now();
    change((setting) => {
      setting.credential = { token };
    });
    expect((await trial.up()).changed).toEqual(["acme-dns"]);
    const { code, stdout, stderr } = await trial.cli("acme", "renew");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^a certificate was issued, since .* own authority \(\d+ s\)\n$/);
    await until("Pebble's certificate on the load balancer", 30, async () =>
      (await vouched()).includes("pebble") ? true : undefined,
    );
    expect(await vouched()).toEqual(["pebble"]);
    expect(linode?.api.state.domains.get(1)?.records).toEqual([]);
    const { retrying, once } = await visitors.since(from);
    expect({ retrying: retrying.causes, once: once.causes }).toEqual({ retrying: {}, once: {} });
    expect(once.sent).toBeGreaterThan(20);
  });

  it("keeps it through an up that repairs; nothing is due, and all is well", async () => {
    const before = await serial();
    const { code, stdout, stderr } = await trial.cli("up", "--repair", "--json");
    expect(code, stderr).toBe(0);
    const { summary } = JSON.parse(stdout) as { summary: Record<string, number> };
    expect(Object.keys(summary)).toEqual(["same"]);
    expect((await trial.cli("acme", "renew")).stdout).toMatch(/^nothing is due before 20/);
    expect(await serial()).toBe(before);
    expect(await vouched()).toEqual(["pebble"]);
    const status = await trial.cli("status");
    expect(status.stdout).toMatch(/Public +last run 20\S+: nothing is due before/);
    expect(status.code, status.stdout).toBe(0);
  });

  it("looks by itself at its times, one run after the other", async () => {
    const path = "/v1/job/acme?namespace=ingress";
    const job = await trial.ask<{ Periodic: object }>("nomad", path);
    const register = async (Job: object) => {
      const { status, body } = await trial.api("nomad", path, { method: "POST", body: { Job } });
      if (status !== 200) throw new Error(`Nomad did not take the job: ${status} ${body}`);
    };
    const before = Date.now();
    // Each second, so that a run is under way when the next is due.
    await register({ ...job, Periodic: { ...job.Periodic, Specs: ["* * * * * * *"] } });
    const times = await until("three runs that nobody began", 60, async () => {
      const runs = await taskTimes();
      const own = runs.filter(([from]) => from > before);
      return own.length >= 3 ? own : undefined;
    }).finally(() => register(job));
    for (const [index, [from]] of times.entries()) {
      const [, end = 0] = times[index - 1] ?? [];
      expect(from).toBeGreaterThanOrEqual(end);
    }
    const { data } = await trial.ask<{ data: { data: AcmeRun } }>("vault", `/v1/${acmePaths.run}`);
    expect(data.data).toMatchObject({ result: "kept" });
    expect(Date.parse(data.data.at)).toBeGreaterThan(before);
  });

  /** When the job's runs that have ended began and ended, in order. */
  async function taskTimes(): Promise<[from: number, to: number][]> {
    type Run = { ID: string; Status: string };
    type Allocation = { TaskStates: Record<string, { StartedAt: string; FinishedAt: string | null }> | null };
    const runs = await trial.ask<Run[]>("nomad", "/v1/jobs?namespace=ingress&prefix=acme/periodic-");
    const ended = await Promise.all(
      runs
        .filter(({ Status }) => Status === "dead")
        .map(({ ID }) =>
          trial.ask<Allocation[]>("nomad", `/v1/job/${encodeURIComponent(ID)}/allocations?namespace=ingress`),
        ),
    );
    return ended
      .flat()
      .flatMap(({ TaskStates }): [number, number][] => {
        const { StartedAt, FinishedAt } = TaskStates?.acme ?? {};
        return StartedAt && FinishedAt ? [[Date.parse(StartedAt), Date.parse(FinishedAt)]] : [];
      })
      .sort(([one], [other]) => one - other);
  }

  it("has another one by hand, and no visit fails for it", async () => {
    const [before, from] = [await serial(), Date.now()];
    const { code, stdout, stderr } = await trial.cli("acme", "renew", "--force");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^a certificate was issued, since it was asked for by hand/);
    expect(await serial()).not.toBe(before);
    const seen = await visitors?.since(from);
    expect({ retrying: seen?.retrying.causes, once: seen?.once.causes }).toEqual({ retrying: {}, once: {} });
  });

  it("keeps it while the ACME server is away, which a run by hand and status tell", async () => {
    const before = await serial();
    await acme?.pebble.end();
    const { code, stderr } = await trial.cli("acme", "renew", "--force");
    expect(code).toBe(1);
    expect(stderr).toMatch(/hashistack: no certificate: https:\/\/\S+\/dir: .*connection refused/);
    expect((await trial.cli("status")).stdout).toMatch(/- No public certificate at .*connection refused/);
    expect(await serial()).toBe(before);
    expect(await vouched()).toEqual(["pebble"]);
  });

  it("is written by nobody else: the job's rights end at its own paths, and no other job has them", async () => {
    const made = await trial.api("vault", "/v1/auth/token/create", {
      ...{ method: "POST", body: { policies: ["acme"], no_default_policy: true, ttl: "5m" } },
    });
    const { auth } = JSON.parse(made.body ?? "") as { auth: { client_token: string } };
    const tried = async (method: string, path: string, body?: object) =>
      (
        await trial.api("vault", `/v1/${path}`, {
          method,
          token: auth.client_token,
          ...(body ? { body } : {}),
        })
      ).status;
    const shown = await trial.ask<{ data: object }>("vault", `/v1/${acmePaths.certificate}`);
    expect(await tried("GET", acmePaths.dns)).toBe(200);
    expect(await tried("PUT", acmePaths.certificate, shown.data)).toBe(204);
    for (const [method, path] of [
      ["PUT", "certificates/ingress/ingress/other"],
      ["DELETE", acmePaths.certificate],
      ["PUT", acmePaths.dns],
      ["GET", "secret/data/website/website"],
      ["GET", "sys/policies/acl/acme"],
    ] as const) {
      expect([method, path, await tried(method, path, { data: {} })]).toEqual([method, path, 403]);
    }
    // Another job that asks for the role is refused it, and so does not begin.
    const job = {
      ...{ ID: "thief", Name: "thief", Namespace: "ingress", Type: "batch", Datacenters: ["dc1"] },
      TaskGroups: [
        {
          Name: "thief",
          RestartPolicy: { Attempts: 0, Mode: "fail" },
          ReschedulePolicy: { Attempts: 0, Unlimited: false },
          Tasks: [
            {
              ...{ Name: "thief", Driver: "exec", User: "nobody", Vault: { Role: "acme" } },
              Config: { command: "/bin/sh", args: ["-c", "true"] },
              Resources: { CPU: 50, MemoryMB: 32 },
            },
          ],
        },
      ],
    };
    await trial.api("nomad", "/v1/jobs", { method: "POST", body: { Job: job } });
    const said = await until("the refusal of the other job", 60, async () => {
      type Allocation = {
        ClientStatus: string;
        TaskStates: Record<string, { Events: { DisplayMessage: string }[] }>;
      };
      const [first] = await trial.ask<Allocation[]>("nomad", "/v1/job/thief/allocations?namespace=ingress");
      const words = (first?.TaskStates?.thief?.Events ?? [])
        .map(({ DisplayMessage }) => DisplayMessage)
        .join("\n");
      return /claim|complete|Exit Code/.test(words) ? words : undefined;
    });
    expect(said).toMatch(/claim "nomad_job_id" does not match/);
    await trial.api("nomad", "/v1/job/thief?purge=true&namespace=ingress", { method: "DELETE" });
  });

  it("without the setting has the cluster's own again, and the job goes", async () => {
    trial.configure((config) => {
      delete config["hashistack:acme"];
    });
    await trial.up();
    await until("the cluster's own certificate on the load balancer", 30, async () =>
      (await vouched()).includes("own") ? true : undefined,
    );
    expect(await trial.api("nomad", "/v1/job/acme?namespace=ingress")).toMatchObject({ status: 404 });
    const status = await trial.cli("status");
    expect(status.code, status.stdout).toBe(0);
    expect(await trial.cli("acme", "renew")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('stack "dev" has no setting hashistack:acme'),
    });
  });
});

/** An active domain without records. */
function domain(of: string) {
  const view = {
    id: 1,
    domain: of,
    type: "master",
    status: "active",
    soa_email: `ops@${of}`,
    description: "",
    group: "",
  };
  const times = { ttl_sec: 0, refresh_sec: 0, retry_sec: 0, expire_sec: 0, updated: "" };
  return { view: { ...view, ...times, tags: [], master_ips: [], axfr_ips: [] } as never, records: [] };
}
