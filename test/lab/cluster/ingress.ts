import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Tally } from "../../../bench/drills/ledger";
import type { IngressKind } from "../../../components/settings";
import { type KeyPair, ownCertificate } from "../../../lab/acme/certificate";
import { connection, said } from "../support/conversation";
import { type Trial, until } from "../support/trial";
import { Visitors } from "../support/visitors";

/** What a site behind either ingress must show, and what visitors must not see. */

const certificatePath = "/v1/certificates/ingress/ingress/site";
const name = "www.dev.test";
const text = "Kept in Vault";

interface Allocation {
  ID: string;
  NodeName: string;
  ClientStatus: string;
  JobVersion: number;
}

interface Job {
  Version: number;
  TaskGroups: { Tasks: { Name: string; Resources: { MemoryMB: number } }[] }[];
}

/** What visitors saw while something was done, those who retry and those who do not. */
type Seen = Record<"retrying" | "once", Tally>;

/**
 * What visitors see while something is done to the cluster, until three calm seconds have passed where it shall mend. Who
 * retries sees no failure; what the others saw is printed.
 */
export async function whoeverRetries(
  visitors: Visitors,
  what: string,
  work: () => Promise<unknown>,
  mends = true,
): Promise<Seen> {
  const from = Date.now();
  await work();
  const calm = Date.now() + 3000;
  await until("calm", 60, async () =>
    Date.now() > calm && (!mends || visitors.calmSeconds() > 3) ? true : undefined,
  );
  const seen = await visitors.since(from);
  const { retrying, once } = seen;
  console.info(
    `${what}: ${once.failed} of ${once.sent} visits failed without retry, ${retrying.failed} of ${retrying.sent} with`,
  );
  expect(once.sent).toBeGreaterThan(20);
  expect(retrying.causes).toEqual({});
  return seen;
}

/** One body of tests for both. */
export function behindIngress(trial: Trial, kind: IngressKind): void {
  describe(`behind ${kind}`, () => {
    let visitors: Visitors;
    let other: KeyPair;

    beforeAll(async () => {
      const { ca } = await trial.outputs();
      other = await ownCertificate(name);
      visitors = await Visitors.start(trial, `${ca.site}${other.cert}`);
    });
    afterAll(() => visitors?.end());

    const passing = (count: number) =>
      until(`${kind} on ${count}`, 60, async () =>
        (await running(trial, kind)) === count ? true : undefined,
      );

    it("HTTP/2 is spoken", async () => {
      const { loadBalancers, ca } = await trial.outputs();
      for (const { address: host = "" } of loadBalancers) {
        const [answer] = await trial.request("", [
          { host, port: 443, ca: ca.site, serverName: name, http2: true, headers: { host: name } },
        ]);
        expect(answer).toMatchObject({ status: 200, body: expect.stringContaining(text) });
      }
    });

    it("a certificate that changes in Vault is shown within 30 s, and no visit fails for it", async () => {
      const { loadBalancers, ca } = await trial.outputs();
      const before = await trial.ask<{ data: KeyPair }>("vault", certificatePath);
      const open = await Promise.all(
        loadBalancers.map(({ address: host = "" }) =>
          connection({ host, port: 443, ca: ca.site ?? "", name }),
        ),
      );
      const shown = async (certificate: KeyPair, authority: string): Promise<number> => {
        const began = Date.now();
        const { status, error } = await trial.api("vault", certificatePath, {
          method: "PUT",
          body: certificate,
        });
        if (status !== 204) throw new Error(`Vault did not take the certificate: ${error ?? status}`);
        await until("the certificate on every load balancer", 30, async () => {
          const asked = loadBalancers.map(({ address: host = "" }) => ({
            ...{ host, port: 443, ca: authority, serverName: name },
          }));
          const answers = await trial.request("", asked);
          return answers.every(({ status }) => status === 200) || undefined;
        });
        return (Date.now() - began) / 1000;
      };
      const { once } = await whoeverRetries(visitors, `${kind}: another certificate, twice`, async () => {
        const seconds = [await shown(other, other.cert)];
        // Whoever was connected before is still served.
        for (const socket of open) expect(await page(socket)).toContain(text);
        seconds.push(await shown(before.data, ca.site ?? ""));
        console.info(`${kind}: shown after ${seconds.map((one) => one.toFixed(1)).join(" and ")} s`);
      });
      for (const socket of open) socket.destroy();
      expect(once.causes).toEqual({});
    });

    it("rolled by a change, killed on one load balancer, drained from one: who retries sees the page", async () => {
      await whoeverRetries(visitors, `${kind} rolled`, () => roll(trial));
      await whoeverRetries(visitors, `${kind} killed on edge-b`, () => signal(trial, "edge-b", "KILL", kind));
      const id = await nodeId(trial, "edge-b");
      const drain = (body: object) => trial.api("nomad", `/v1/node/${id}/drain`, { method: "PUT", body });
      await passing(2);
      await whoeverRetries(
        visitors,
        `edge-b drained of ${kind}`,
        async () => {
          await drain({ DrainSpec: { Deadline: 60e9, IgnoreSystemJobs: false } });
          await passing(1);
        },
        false,
      );
      await drain({ DrainSpec: null, MarkEligible: true });
      await passing(2);
    });

    it("while it knows no routes yet, it answers nobody rather than wrongly", async () => {
      const { loadBalancers, ca } = await trial.outputs();
      const host = loadBalancers.find(({ name }) => name === "edge-b")?.address ?? "";
      const asked = { host, port: 443, ca: ca.site, serverName: name, headers: { host: name } };
      await whoeverRetries(visitors, `${kind} started beside a silent Consul`, async () => {
        await signal(trial, "edge-b", "STOP", "consul");
        try {
          const [before] = await pids(trial, "edge-b", kind);
          await signal(trial, "edge-b", "KILL", kind);
          await until("its next start", 60, async () => {
            const [now] = await pids(trial, "edge-b", kind);
            return now !== undefined && now !== before ? true : undefined;
          });
          // Some seconds of its life, each question with a process of its own.
          for (let turn = 0; turn < 20; turn++) {
            const [answer] = await trial.request("", [asked]);
            expect(answer).toEqual({ error: expect.any(String) });
          }
        } finally {
          await signal(trial, "edge-b", "CONT", "consul");
        }
        await passing(2);
      });
    });

    it("nothing of the catalog is shown but what says so", async () => {
      const { machines, loadBalancers, ca } = await trial.outputs();
      const services = Object.keys(await trial.ask<object>("consul", "/v1/catalog/services"));
      expect(services).toEqual(expect.arrayContaining(["consul", "nomad", "vault", "website", kind]));
      if (kind === "fabio") {
        const routes = await trial.inside("edge-a", "curl", "-sS", "http://127.0.0.1:9998/api/routes");
        const shown = (JSON.parse(routes) as { service: string }[]).map(({ service }) => service);
        // The second is there so that Fabio knows when it has read all of it; nothing answers at its route.
        expect([...new Set(shown)].sort()).toEqual(["routes-complete", "website"]);
      } else {
        // What Traefik would show by itself it would show by the service's name.
        const hidden = services.filter((service) => service !== "website");
        const host = loadBalancers[0]?.address ?? "";
        const asked = [...hidden, "website", "other.test"].map((service) => ({
          ...{ host, port: 443, ca: ca.site, serverName: name, headers: { host: service } },
        }));
        for (const { status } of await trial.request("", asked)) expect(status).toBe(404);
      }
      // Its own port, beside one that is open to the same.
      const host = machines["edge-a"]?.privateIpv6 ?? "";
      const knocks = [443, 9998].map((port) => ({ kind: "tcp" as const, host, port }));
      const [open, own] = await trial.knock("client-a", knocks);
      expect(open).toBe("open");
      expect(own).not.toBe("open");
    });

    it("visits are in its log, figures are told on the machine itself", async () => {
      const log = await until("a visit in the log", 30, async () => {
        const said = await logOf(trial, kind, "stdout");
        return said.includes(name) ? said : undefined;
      });
      const line = log.split("\n").findLast((one) => one.includes(name)) ?? "";
      if (kind === "traefik") {
        expect(JSON.parse(line)).toMatchObject({ RequestHost: name, DownstreamStatus: 200 });
        const figures = await trial.inside("edge-a", "curl", "-sS", "http://127.0.0.1:9998/metrics");
        expect(figures).toMatch(/^traefik_service_requests_total\{.*service="website@consulcatalog"\} \d+/m);
        expect(figures).toMatch(/^traefik_tls_certs_not_after\{/m);
      } else {
        expect(line).toMatch(/"GET \/ HTTP\/1\.1" 200 \d+ "www\.dev\.test" "\[?[0-9a-f.:]+\]?:\d+" \d+\.\d+/);
        await until(
          "figures in the log",
          60,
          async () =>
            /timer requests\n.* count: +[1-9]/.test(await logOf(trial, kind, "stderr")) || undefined,
          { everyMs: 2000 },
        );
      }
    });
  });
}

/** The page, asked for on a connection that stays open. */
function page(socket: TLSSocket): Promise<string> {
  return said(socket, `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`, "</html>");
}

/** Changes an argument of the job, and waits until every load balancer runs what came of it. */
async function roll(trial: Trial): Promise<void> {
  const path = "/v1/job/ingress?namespace=ingress";
  const job = await trial.ask<Job>("nomad", path);
  for (const { Tasks } of job.TaskGroups) for (const { Resources } of Tasks) Resources.MemoryMB += 1;
  const { status, body } = await trial.api("nomad", path, { method: "POST", body: { Job: job } });
  if (status !== 200) throw new Error(`Nomad did not take the job: ${status} ${body}`);
  await until("the changed job on every load balancer", 120, async () => {
    const all = await allocations(trial);
    const now = all.filter((one) => one.JobVersion > job.Version && one.ClientStatus === "running");
    return now.length === 2 || undefined;
  });
}

function allocations(trial: Trial): Promise<Allocation[]> {
  return trial.ask<Allocation[]>("nomad", "/v1/job/ingress/allocations?namespace=ingress");
}

/** The last of what its instance on edge-a wrote. */
export async function logOf(trial: Trial, task: string, stream: "stdout" | "stderr"): Promise<string> {
  const machine = await trial.cloudName("edge-a");
  const found = (await allocations(trial)).find(
    ({ NodeName, ClientStatus }) => NodeName === machine && ClientStatus === "running",
  );
  const query = `task=${task}&type=${stream}&plain=true&origin=end&offset=60000&namespace=ingress`;
  const { status, body } = await trial.api("nomad", `/v1/client/fs/logs/${found?.ID}?${query}`);
  if (status !== 200) throw new Error(`the log of ${task}: ${status} ${body}`);
  return body ?? "";
}

/** Sends the program's first process there a signal. Example: signal(trial, "edge-b", "KILL", "traefik"). */
export async function signal(trial: Trial, machine: string, name: string, program: string): Promise<void> {
  const [pid] = await pids(trial, machine, program);
  if (pid === undefined) throw new Error(`${machine} runs no ${program}`);
  await trial.inside(machine, "kill", `-${name}`, pid);
}

/** The program's processes there, the oldest first. */
async function pids(trial: Trial, machine: string, program: string): Promise<string[]> {
  const rows = (await trial.inside(machine, "ps", "-e", "--sort=start_time", "-o", "pid=,comm=")).split("\n");
  return rows.flatMap((row) => {
    const [pid = "", name] = row.trim().split(/\s+/);
    return name === program ? [pid] : [];
  });
}

async function nodeId(trial: Trial, machine: string): Promise<string> {
  const host = await trial.cloudName(machine);
  const nodes = await trial.ask<{ ID: string; Name: string }[]>("nomad", "/v1/nodes");
  const found = nodes.find(({ Name }) => Name === host);
  if (!found) throw new Error(`Nomad knows no node ${host}`);
  return found.ID;
}

/** Load balancers whose ingress passes its check. */
async function running(trial: Trial, kind: IngressKind): Promise<number> {
  return (await trial.ask<object[]>("consul", `/v1/health/service/${kind}?passing`)).length;
}
