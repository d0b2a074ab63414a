import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../bench/run";
import { Trial, until } from "../support/trial";
import { Visitors } from "../support/visitors";
import { firstUp, secondUp } from "./first-up";

/** The site behind Traefik, on a small cluster of its own with two load balancers. */

const trial = new Trial("traefik");
const certificatePath = "/v1/certificates/ingress/ingress/site";
const name = "www.dev.test";

/** What a certificate lies in Vault as. */
interface Shown {
  cert: string;
  key: string;
}

/** Another certificate for the site, of nobody's authority but its own. */
async function otherCertificate(): Promise<Shown> {
  const folder = mkdtempSync(join(tmpdir(), "hashistack-certificate-"));
  try {
    const [cert, key] = ["cert.pem", "key.pem"].map((file) => join(folder, file)) as [string, string];
    const named = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-days", "2"];
    const made = [
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      key,
      "-out",
      cert,
    ];
    await run(["openssl", "req", "-x509", ...made, ...named], { what: "making a certificate" });
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a site behind Traefik", () => {
  let visitors: Visitors | undefined;
  let other: Shown;

  beforeAll(async () => {
    await trial.open();
    trial.configure((config) => {
      const groups = config["hashistack:groups"];
      for (const [group, keys] of Object.entries({ control: ["a"], client: ["a"], edge: ["a", "b"] })) {
        Object.assign(groups[group] ?? {}, { keys });
      }
      Object.assign(config, { "hashistack:site": { ingress: "traefik" } });
    });
    const { code, stderr } = await trial.cli("up", "--json");
    if (code !== 0) throw new Error(`the first up: ${stderr}`);
    other = await otherCertificate();
  });
  afterAll(() => {
    visitors?.end();
    return trial.close();
  });

  firstUp(trial, "traefik");
  secondUp(trial);

  it("speaks HTTP/2; who asks for a name that nobody has finds nothing", async () => {
    const { loadBalancers, ca } = await trial.outputs();
    for (const { address = "" } of loadBalancers) {
      const site = { host: address, port: 443, ca: ca.site, serverName: name };
      const [newer, unknown] = await trial.request("", [
        { ...site, http2: true, headers: { host: name } },
        { ...site, headers: { host: "other.test" } },
      ]);
      expect(newer).toMatchObject({ status: 200, body: expect.stringContaining("Kept in Vault") });
      expect(unknown).toMatchObject({ status: 404, body: expect.not.stringContaining("Kept in Vault") });
    }
  });

  it("a certificate that changes in Vault is shown within 30 s, and no visit fails for it", async () => {
    const { loadBalancers, ca } = await trial.outputs();
    const before = await trial.ask<{ data: Shown }>("vault", certificatePath);
    visitors = await Visitors.start(trial, `${ca.site}${other.cert}`);
    const open = await Promise.all(
      loadBalancers.map(({ address = "" }) => connection(address, ca.site ?? "")),
    );
    const from = Date.now();
    const write = async (shown: Shown): Promise<void> => {
      const { status, error } = await trial.api("vault", certificatePath, { method: "PUT", body: shown });
      if (status !== 204) throw new Error(`Vault did not take the certificate: ${error ?? status}`);
    };
    const shownBy = (pem: string) => async () => {
      const answers = await trial.request(
        "",
        loadBalancers.map(({ address: host = "" }) => ({ host, port: 443, ca: pem, serverName: name })),
      );
      return answers.every(({ status }) => status === 200) ? true : undefined;
    };
    await write(other);
    await until("the other certificate on every load balancer", 30, shownBy(other.cert));
    // Whoever was connected before is still served.
    for (const socket of open) expect(await page(socket)).toContain("Kept in Vault");
    await write(before.data);
    await until("the first certificate on every load balancer", 30, shownBy(ca.site ?? ""));
    for (const socket of open) socket.destroy();
    const { retrying, once } = await visitors.since(from);
    expect({ retrying: retrying.causes, once: once.causes }).toEqual({ retrying: {}, once: {} });
    expect(once.sent).toBeGreaterThan(20);
  });

  it("an instance of the website that is killed fails nobody", async () => {
    const { retrying, once } = await during(() => kill("client-a", "caddy"));
    // But for what it had in hand: that was asked already, and is asked by nobody again.
    expect(retrying.failed + once.failed, JSON.stringify([retrying, once])).toBeLessThanOrEqual(2);
  });

  it("Traefik killed on one load balancer, and a load balancer that is drained: who retries sees the page", async () => {
    const killed = await during(() => kill("edge-b", "traefik"));
    expect(killed.retrying.causes).toEqual({});
    const id = await nodeId("edge-b");
    const drain = (body: object) => trial.api("nomad", `/v1/node/${id}/drain`, { method: "PUT", body });
    const drained = await during(async () => {
      await drain({ DrainSpec: { Deadline: 60e9, IgnoreSystemJobs: false } });
      await until("edge-b without Traefik", 60, async () => ((await running()) === 1 ? true : undefined));
    }, false);
    expect(drained.retrying.causes).toEqual({});
    await drain({ DrainSpec: null, MarkEligible: true });
    await until("Traefik on both again", 60, async () => ((await running()) === 2 ? true : undefined));
  });

  /** What visitors saw while something was done to the cluster, until three calm seconds have passed where it shall mend. */
  async function during(work: () => Promise<unknown>, mends = true) {
    if (!visitors) throw new Error("there are no visitors");
    const from = Date.now();
    await work();
    const calm = Date.now() + 3000;
    const many = visitors;
    await until("calm", 60, async () =>
      Date.now() > calm && (!mends || many.calmSeconds() > 3) ? true : undefined,
    );
    const seen = await visitors.since(from);
    expect(seen.once.sent).toBeGreaterThan(20);
    return seen;
  }

  async function kill(machine: string, program: string): Promise<void> {
    const [pid = ""] = (await trial.inside(machine, "pgrep", "--exact", program)).trim().split("\n");
    await trial.inside(machine, "kill", "-KILL", pid);
  }

  async function nodeId(machine: string): Promise<string> {
    const name = await trial.cloudName(machine);
    const nodes = await trial.ask<{ ID: string; Name: string }[]>("nomad", "/v1/nodes");
    const found = nodes.find(({ Name }) => Name === name);
    if (!found) throw new Error(`Nomad knows no node ${name}`);
    return found.ID;
  }

  /** Load balancers whose Traefik passes its check. */
  async function running(): Promise<number> {
    return (await trial.ask<object[]>("consul", "/v1/health/service/traefik?passing")).length;
  }
});

/** A connection that stays. */
function connection(host: string, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 443, ca, servername: name }, () => resolve(socket));
    socket.on("error", reject);
  });
}

/** The page, asked for on a connection that stays open. */
function page(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const limit = setTimeout(() => reject(new Error(`no page within 5 s, but "${text}"`)), 5000);
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (!text.includes("</html>")) return;
      clearTimeout(limit);
      resolve(text);
    });
    socket.on("error", reject);
    socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  });
}
