import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Authority } from "../provisioning/authority";
import { type Answer, run, Stage, serverName } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function balancer(name: string, ...answers: Answer[]) {
  const { address, asked } = await stage.service(() => answers.shift() ?? [200, "<html>"]);
  return { asked, site: { name, address, domain: serverName, caPem: stage.authority.rootPem } };
}

test("the site is there when each load balancer shows the page, asked by its name", async () => {
  const a = await balancer("edge-a");
  const b = await balancer("edge-b", [404], [502]);
  const ran = await run("gate", { sites: [a.site, b.site], timeoutSeconds: 10 });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(b.asked.map(({ path, host }) => [path, host])).toEqual(Array(3).fill(["/", serverName]));
});

test("what does not show it in time is named, with what it answers", async () => {
  const a = await balancer("edge-a", ...Array<Answer>(50).fill([404]));
  const ran = await run("gate", { sites: [a.site], timeoutSeconds: 1 });
  expect(ran.stderr).toContain(
    `support-a: gate: the site: not so after 1 s; last seen: edge-a answers https://${serverName}/ with 404`,
  );
});

test("a closed site is there when it asks who one is; the page itself would be no good sign", async () => {
  const { site } = await balancer("edge-a", [503], [200, "<html>"], [401]);
  const ran = await run("gate", { sites: [{ ...site, status: 401 }], timeoutSeconds: 10 });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  const open = await balancer("edge-b");
  const wrong = await run("gate", { sites: [{ ...open.site, status: 401 }], timeoutSeconds: 1 });
  expect(wrong.stderr).toContain(`last seen: edge-b answers https://${serverName}/ with 200`);
});

test("a certificate of another name or authority is no answer", async () => {
  const { site } = await balancer("edge-a");
  const ran = await run("gate", { sites: [{ ...site, domain: "other.test" }], timeoutSeconds: 1 });
  expect(ran.stderr).toContain("edge-a: Site did not answer GET /");
  expect(ran.stderr).toContain("certificate refused: Hostname mismatch");
});

test("the public authorities are trusted besides where a public certificate may be shown, and only there", async () => {
  const { site } = await balancer("edge-a");
  const another = new Authority(join(stage.folder, "another"), "another");
  const shown = { ...site, caPem: another.rootPem };
  const publicRoots = join(stage.folder, "public.pem");
  writeFileSync(publicRoots, stage.authority.rootPem);
  vi.stubEnv("SSL_CERT_FILE", publicRoots);
  try {
    const own = await run("gate", { sites: [shown], timeoutSeconds: 1 });
    expect(own.stderr).toContain("certificate refused: unable to get local issuer certificate");
    const both = await run("gate", { sites: [{ ...shown, publicRoots: true }], timeoutSeconds: 5 });
    expect(both).toMatchObject({ status: 0, stderr: "" });
  } finally {
    vi.unstubAllEnvs();
  }
});

/** Vault, to which keys are told on a mount; `refusals` are what it says before it is content. */
async function vaultWith(refusals: string[]) {
  const mounts = new Set<string>();
  const configured: unknown[] = [];
  const { address } = await stage.service(({ method, path, body }) => {
    if (path === "/v1/auth/approle/login") return [200, { auth: { client_token: "t" } }];
    const mount = /^\/v1\/sys\/auth\/(.+)$/.exec(path)?.[1];
    if (mount && method === "POST") mounts.add(mount);
    if (mount && method === "DELETE") mounts.delete(mount);
    if (mount) return [204];
    if (!mounts.has("hashistack-probe")) return [404, { errors: ["no handler for route"] }];
    configured.push(body);
    const refused = refusals.shift();
    return refused ? [400, { errors: [refused] }] : [204];
  });
  const vaultLogin = { path: "approle", roleId: "r", secretId: "s" };
  const vaultKeys = { url: "https://nomad.service.consul:4646/.well-known/jwks.json", caPem: "CA" };
  return { mounts, configured, input: { vault: stage.access([address]), vaultLogin, vaultKeys } };
}

test("keys of identities can be read when Vault's own look at them is content; what it was told is taken back", async () => {
  const { mounts, configured, input } = await vaultWith(
    Array(3).fill("error checking jwks URL: no such host"),
  );
  expect(await run("gate", { ...input, timeoutSeconds: 10 })).toMatchObject({ status: 0, stderr: "" });
  expect(configured).toEqual(
    Array(4).fill({ jwks_url: input.vaultKeys.url, jwks_ca_pem: input.vaultKeys.caPem }),
  );
  expect([...mounts]).toEqual([]);
});

test("Vault's own reason is said when it cannot in time, and nothing is left", async () => {
  const { mounts, input } = await vaultWith(Array(100).fill("error checking jwks URL: no such host"));
  const ran = await run("gate", { ...input, timeoutSeconds: 1 });
  expect(ran.stderr).toContain(
    `Vault: reads ${input.vaultKeys.url}: not so after 1 s; last seen: error checking jwks URL: no such host`,
  );
  expect([...mounts]).toEqual([]);
});
