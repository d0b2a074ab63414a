import { expect, it } from "vitest";
import { unchanged } from "../../../cli/report";
import type { Observation, RaftPeer } from "../../../cli/status/observe";
import type { HttpAnswer, Trial } from "../support/trial";

/**
 * What every cluster must show when its first `up` has ended. Nothing is waited for: `up` has done the waiting.
 * @param ingress what runs on its load balancers
 */
export function firstUp(trial: Trial, ingress = "fabio"): void {
  it("one leader and a vote for every server in each of the three; all nodes ready; nothing is wrong", async () => {
    const { code, stdout } = await trial.cli("status", "--json");
    const seen = JSON.parse(stdout) as { problems: string[] } & Seen;
    expect(seen.problems).toEqual([]);
    expect(code).toBe(0);
    const { machines } = await trial.outputs();
    const having = (role: string) =>
      Object.values(machines)
        .filter(({ roles }) => roles.includes(role))
        .map(({ id }) => id)
        .sort();
    for (const service of ["consul", "nomad", "vault"] as const) {
      const { peers } = value<{ peers: readonly RaftPeer[] }>(seen[service]);
      expect(peers.filter(({ leader }) => leader)).toHaveLength(1);
      expect(peers.every(({ voter }) => voter)).toBe(true);
      const names = peers.map(({ name }) => name.replace(/\.global$/, "")).sort();
      expect(names).toEqual(having(`${service}-server`));
    }
    const nodes = value(seen.nomad).nodes.map(({ name, status, eligible }) => [name, status, eligible]);
    expect(nodes.sort()).toEqual(having("nomad-client").map((name) => [name, "ready", true]));
  });

  it("every Vault server is unsealed", async () => {
    const { machines, ca, apis } = await trial.outputs();
    const servers = Object.values(machines).filter(({ roles }) => roles.includes("vault-server"));
    const { serverName } = apis.vault;
    const answers = await trial.request(
      "support-a",
      servers.map(({ privateIpv6 = "" }) => ({
        host: privateIpv6,
        port: 8200,
        path: "/v1/sys/seal-status",
        ca: ca.vault,
        serverName,
      })),
    );
    expect(answers.map(({ body }) => JSON.parse(body ?? "{}").sealed)).toEqual(servers.map(() => false));
  });

  it("Vault's audit goes to a file, which is rotated while Vault goes on, and to the journal", async () => {
    const { stdout } = await trial.cli("status", "--json");
    const leader = value<{ peers: readonly RaftPeer[] }>((JSON.parse(stdout) as Seen).vault).peers.find(
      (peer) => peer.leader,
    );
    const { machines } = await trial.outputs();
    const [machine = ""] = Object.keys(machines).filter((name) => machines[name]?.id === leader?.name);
    const size = async () =>
      Number(await trial.inside(machine, "stat", "--format=%s", "/var/log/vault/audit.log"));
    expect(await size()).toBeGreaterThan(0);
    await trial.inside(machine, "logrotate", "--force", "/etc/logrotate.d/vault");
    await trial.inside(machine, "test", "-s", "/var/log/vault/audit.log.1.gz");
    const { code } = await trial.cli("exec", "--", "vault", "token", "lookup", "-format=json");
    expect(code).toBe(0);
    await expect.poll(size, { timeout: 10_000 }).toBeGreaterThan(0);
    const journal = await trial.inside(
      machine,
      "journalctl",
      "-u",
      "vault.service",
      "-o",
      "cat",
      "--no-pager",
    );
    expect(journal).toContain('"path":"auth/token/lookup-self"');
  });

  it("the site answers on each load balancer with a chain that verifies, over IPv4 and IPv6", async () => {
    const { loadBalancers, ca, siteUrl, machines } = await trial.outputs();
    expect(loadBalancers.length).toBeGreaterThan(0);
    expect(siteUrl).toBe(`https://${loadBalancers[0]?.address}/`);
    const site = (host = "") => ({ host, port: 443, path: "/", ca: ca.site });
    const named = { serverName: "www.dev.test", headers: { host: "www.dev.test" } };
    const forwards = loadBalancers.map(({ address }) => address);
    for (const address of forwards) expect(address).toMatch(/^127\.77\./);
    const public6 = loadBalancers.map(({ name }) => machines[name]?.publicIpv6);
    const answers = [
      ...(await trial.request("", [
        ...forwards.map((host) => site(host)),
        { ...site(forwards[0]), ...named },
      ])),
      ...(await trial.request("outside", public6.map(site))),
      ...(await trial.request("stranger", [{ ...site(public6[0]), ...named }])),
    ];
    // The page and its text from Vault, which the instances' own identity let them read.
    for (const answer of answers) {
      expect(answer).toMatchObject({
        status: 200,
        body: expect.stringContaining("Kept in Vault for www.dev.test."),
      });
    }
    const [wrongRoot] = await trial.request("", [{ ...site(forwards[0]), ca: ca.consul }]);
    expect(wrongRoot?.error).toMatch(/CERT|SELF_SIGNED|ISSUER/);
  });

  it("port 80 only sends on to HTTPS", async () => {
    const { loadBalancers, machines } = await trial.outputs();
    const plain = (host = "") => ({
      scheme: "http" as const,
      host,
      port: 80,
      path: "/a/page",
      headers: { host: "www.dev.test" },
    });
    const answers: HttpAnswer[] = [
      ...(await trial.request(
        "",
        loadBalancers.map(({ address }) => plain(address)),
      )),
      ...(await trial.request(
        "outside",
        loadBalancers.map(({ name }) => plain(machines[name]?.publicIpv6)),
      )),
    ];
    for (const { status, headers, body } of answers) {
      expect(status).toBe(ingress === "fabio" ? 308 : 301);
      expect(headers?.location).toBe("https://www.dev.test/a/page");
      expect(body).not.toContain("Kept in Vault");
    }
  });

  it("the ingress came to its Consul token by its own identity", async () => {
    const tokens = await trial.ask<{ AuthMethod?: string; Roles?: { Name: string }[] }[]>(
      "consul",
      "/v1/acl/tokens",
    );
    const byIdentity = tokens.filter(({ AuthMethod }) => AuthMethod === "nomad-workloads");
    const roles = new Set(byIdentity.flatMap(({ Roles }) => (Roles ?? []).map(({ Name }) => Name)));
    expect([...roles]).toContain(`nomad-ingress-job-ingress-${ingress}`);
  });
}

/** `up` once more. */
export function secondUp(trial: Trial): void {
  it("a second up changes nothing, and logs in nowhere", async () => {
    const before = await trial.logins();
    const { code, stdout, stderr } = await trial.cli("up", "--json");
    expect(stderr.trim().split("\n").at(-1)).not.toMatch(/failed/);
    expect(code).toBe(0);
    const { summary } = JSON.parse(stdout) as { summary: Record<string, number> };
    expect(unchanged(summary)).toBe(true);
    expect(summary.same).toBeGreaterThan(10);
    expect(await trial.logins()).toEqual(before);
    for (const count of Object.values(before)) expect(count).toBeGreaterThan(0);
  });
}

type Seen = Pick<Observation, "consul" | "nomad" | "vault">;

function value<T>(look: { value: T } | { why: string }): T {
  if ("value" in look) return look.value;
  throw new Error(look.why);
}
