import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unchanged } from "../../../cli/report";
import type { IngressKind } from "../../../components/settings";
import { ownCertificate } from "../../../lab/acme/certificate";
import { Trial, until } from "../support/trial";
import { Visitors } from "../support/visitors";
import { firstUp } from "./first-up";
import { behindIngress, signal, whoeverRetries } from "./ingress";
import { ledger, ledgerName, type TcpCertificates, tcpBehindTraefik } from "./tcp";

/** The site behind Fabio, then behind Traefik, then behind Fabio again, on a small cluster with two load balancers. */

const trial = new Trial("ingress");

/** Changes the program as its owner does. */
function program(before: string, after: string): void {
  const file = join(trial.folder, "index.ts");
  const text = readFileSync(file, "utf8");
  if (!text.includes(before)) throw new Error(`${file} has no "${before}"`);
  writeFileSync(file, text.replace(before, after));
}

async function up(): Promise<void> {
  const { code, stderr } = await trial.cli("up", "--json");
  trial.forget();
  if (code !== 0) throw new Error(`the up: ${stderr}`);
}

describe("a site and what stands before it", () => {
  let certificates: TcpCertificates;

  beforeAll(async () => {
    await trial.open();
    trial.configure((config) => {
      const groups = config["hashistack:groups"];
      for (const [group, keys] of Object.entries({ control: ["a"], client: ["a"], edge: ["a", "b"] })) {
        Object.assign(groups[group] ?? {}, { keys });
      }
    });
    certificates = { trusted: await ownCertificate(ledgerName), foreign: await ownCertificate(ledgerName) };
    const backend = { name: ledger, serverName: ledgerName, caPem: certificates.trusted.cert };
    program(
      'new Site("site", { cluster, settings })',
      `new Site("site", { cluster, settings, backends: [${JSON.stringify(backend)}] })`,
    );
    await up();
  });
  afterAll(() => trial.close());

  behindIngress(trial, "fabio");
  change("fabio", "traefik");
  firstUp(trial, "traefik");
  behindIngress(trial, "traefik");
  tcpBehindTraefik(trial, () => certificates);

  it("an instance of the website that is killed fails nobody: Traefik asks the next", async () => {
    await visited(async (visitors) => {
      const from = Date.now();
      await signal(trial, "client-a", "KILL", "caddy");
      await until("three calm seconds", 60, async () =>
        visitors.calmSeconds() > 3 && Date.now() - from > 3000 ? true : undefined,
      );
      const { retrying, once } = await visitors.since(from);
      // But for what it had in hand: that was asked already, and is asked by nobody again.
      expect(retrying.failed + once.failed, JSON.stringify([retrying, once])).toBeLessThanOrEqual(2);
    });
  });

  it("an instance that falls silent, and seems well to Consul, fails nobody who retries: who waits for it keeps others away", async () => {
    const [instance] = await trial.ask<{ Service: { Port: number } }[]>(
      "consul",
      "/v1/health/service/website?passing=true",
    );
    const port = String(instance?.Service.Port);
    const nft = (...words: string[]) => trial.inside("client-a", "nft", ...words);
    let asked = 0;
    await visited(async (visitors) => {
      const { retrying, once } = await whoeverRetries(visitors, "an instance silent for 8 s", async () => {
        await nft("add table inet silence");
        try {
          await nft("add chain inet silence input { type filter hook input priority -300 ; }");
          // What its agent on the same machine asks goes by the loopback.
          const there = `iifname != lo tcp dport ${port}`;
          await nft(`add rule inet silence input ${there} tcp flags & (syn | ack) == syn counter drop`);
          await nft(`add rule inet silence input ${there} drop`);
          const end = Date.now() + 8000;
          await until("eight seconds", 20, async () => Date.now() > end || undefined);
          asked = Number(/packets (\d+)/.exec(await nft("list table inet silence"))?.[1]);
        } finally {
          await nft("delete table inet silence");
        }
      });
      console.info(`asked ${asked} times meanwhile`);
      // By turns it would be asked by every other visit, and again by who met it.
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThan((retrying.sent + once.sent) / 5);
    });
  });

  it("a certificate from the lab's own ACME server takes the place of the cluster's own", async () => {
    const own = (await trial.outputs()).ca.site ?? "";
    trial.configure((config) => {
      config["hashistack:acme"] = { email: "ops@dev.test", directory: "local" };
    });
    await up();
    const { ca, loadBalancers } = await trial.outputs();
    expect(ca.site).toContain(own.trim());
    const root = (ca.site ?? "").replace(own.trim(), "");
    await visited(async (visitors) => {
      await whoeverRetries(visitors, "a certificate by ACME", async () => {
        const { code, stdout, stderr } = await trial.cli("acme", "renew", "--force");
        expect(code, stderr).toBe(0);
        expect(stdout).toMatch(/^a certificate was issued/);
        await until("Pebble's certificate on every load balancer", 60, async () => {
          const asked = loadBalancers.map(({ address: host = "" }) => ({
            ...{ host, port: 443, ca: root, serverName: "www.dev.test", headers: { host: "www.dev.test" } },
          }));
          const answers = await trial.request("", asked);
          return answers.every(({ status }) => status === 200) || undefined;
        });
      });
    });
    const status = await trial.cli("status");
    expect(status.code, status.stdout).toBe(0);
    expect(status.stdout).toMatch(/Public +last run 20/);
  });

  change("traefik", "fabio");

  it("the last up left nothing to do", async () => {
    expect(unchanged((await trial.up()).summary)).toBe(true);
  });
});

/** By setting and `up`, on one load balancer after the other. */
function change(from: IngressKind, to: IngressKind): void {
  it(`${to} in ${from}'s place, by one up: who retries sees the page`, async () => {
    trial.configure((config) => {
      config["hashistack:site"] = { ingress: to };
    });
    await visited((visitors) => whoeverRetries(visitors, `${from} to ${to}`, up));
    const passing = await trial.ask<object[]>("consul", `/v1/health/service/${to}?passing`);
    expect(passing).toHaveLength(2);
    expect(await trial.ask<object[]>("consul", `/v1/health/service/${from}`)).toEqual([]);
  });
}

async function visited(work: (visitors: Visitors) => Promise<unknown>): Promise<void> {
  const { ca } = await trial.outputs();
  const visitors = await Visitors.start(trial, ca.site ?? "");
  try {
    await work(visitors);
  } finally {
    visitors.end();
  }
}
