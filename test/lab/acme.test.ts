import { createPrivateKey, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Pebble } from "../../lab/acme/pebble";
import { leftOver, zonesOf } from "../../lab/linode/admin";
import { type LinodeApi, startLinodeApi } from "../../lab/linode/index";
import { between, serveNames } from "./support/acme";
import { AcmeTask, domains, paths, type Secret } from "./support/acme-task";

/**
 * The program that gets public certificates, against a real ACME server (Pebble, strict), the emulated Linode's domains and
 * their names.
 */

const token = "domains-only";

describe("the program that gets public certificates", () => {
  let acme: AcmeTask;
  let linode: LinodeApi;
  let names: { address: string; end: () => void };
  let pebble: Pebble;

  beforeAll(async () => {
    acme = await AcmeTask.start();
    linode = await startLinodeApi({ tokens: [token] });
    const made = await fetch(`${linode.url}/v4/domains`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ domain: "example.test", type: "master", soa_email: "ops@example.test" }),
    });
    expect(made.status).toBe(200);
    names = await serveNames(() => zonesOf(linode.state));
    pebble = await acme.pebble(14_100, names.address);
  });
  afterAll(async () => {
    await pebble?.end();
    names?.end();
    await linode?.close();
    acme?.end();
  });
  beforeEach(() => {
    acme.forget();
    acme.vault.held.set(paths.dns, { token });
  });

  /** A run of the task. */
  const task = (change: object = {}) =>
    acme.run({
      ...{ directory: pebble.directory, provider: "linode", api: linode.url, resolvers: [names.address] },
      ...change,
    });

  const put = (from: number, to: number, directory = pebble.directory) => acme.put(from, to, directory);
  const records = () => leftOver(linode.state).records;

  test("gets one for all names in place of the cluster's own, and leaves no record behind", async () => {
    const own = await put(0, 90, "");
    const ran = await task();
    expect(ran.code, ran.stderr).toBe(0);
    expect(acme.shown.cert).not.toBe(own);
    expect(acme.names).toEqual([...domains].sort());
    const [, issuing = ""] = (acme.shown.cert ?? "").split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(acme.leaf.verify(new X509Certificate(issuing).publicKey)).toBe(true);
    expect(new X509Certificate(issuing).verify(new X509Certificate(await pebble.root()).publicKey)).toBe(
      true,
    );
    expect(acme.leaf.checkPrivateKey(createPrivateKey(acme.shown.key ?? ""))).toBe(true);
    expect(acme.last).toMatchObject({ result: "issued", message: expect.stringContaining("own authority") });
    expect(acme.vault.held.get(paths.account)).toMatchObject({
      directory: pebble.directory,
      key: expect.stringContaining("EC PRIVATE KEY"),
    });
    expect(records()).toEqual([]);
    const first = acme.shown.cert;
    const account = acme.vault.held.get(paths.account)?.key;

    // Nothing is due: nobody is asked, and what is there stays.
    linode.state.calls.clear();
    expect((await task()).stderr).toMatch(/^acme: nothing is due before 20/);
    expect(acme.shown.cert).toBe(first);
    expect(acme.last.result).toBe("kept");
    expect([...linode.state.calls.keys()]).toEqual([]);

    // By hand all the same, once, from the same account.
    acme.vault.held.set(paths.force, { at: new Date().toISOString() });
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("asked for by hand") });
    const second = acme.shown.cert;
    expect(second).not.toBe(first);
    expect(acme.vault.held.get(paths.account)?.key).toBe(account);
    expect((await task()).stderr).toContain("nothing is due");
    expect(acme.shown.cert).toBe(second);

    // Another type of key, other names.
    const other = await task({ keyType: "ec384", domains: ["www.example.test"] });
    expect(other).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("shall be for www.example.test"),
    });
    expect(acme.leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "secp384r1" });
    expect((await task({ domains: ["www.example.test"] })).stderr).toContain("its key is ec384 and shall be");
  }, 120_000);

  test("renews one that is near its end, and none that is not", async () => {
    const young = await put(-10, 80);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing is due") });
    expect(acme.shown.cert).toBe(young);
    const short = await put(-1, 5);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing is due") });
    expect(acme.shown.cert).toBe(short);
    const old = await put(-61, 29);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("is due: it ends at") });
    expect(acme.shown.cert).not.toBe(old);
    expect(Date.parse(acme.leaf.validTo) - Date.now()).toBeGreaterThan(80 * 86_400_000);
  });

  test("a server that takes few nonces is asked again", async () => {
    const picky = await acme.pebble(14_110, names.address, { badNonces: 40 });
    const proxy = await between(acme.pair, { port: 14_110, caPem: acme.caPem });
    try {
      const ran = await task({ directory: proxy.directory });
      expect(ran.code, ran.stderr).toBe(0);
      expect(acme.shown.directory).toBe(proxy.directory);
      expect(proxy.problems).toContain("urn:ietf:params:acme:error:badNonce");
    } finally {
      proxy.end();
      await picky.end();
    }
  });

  test.each([
    ["a credential that is refused", { secret: { token: "stolen" } }, /\[401\] Invalid Token/],
    [
      "no credential",
      { secret: {} },
      /vault's \S+\/dns has no field "token", which the provider linode needs/,
    ],
    [
      "an ACME server that does not run",
      { directory: "https://localhost:14199/dir" },
      /https:\/\/localhost:14199\/dir: .*connection refused/,
    ],
    [
      "a server whose certificate nobody vouches for",
      { caFile: "" },
      /certificate signed by unknown authority/,
    ],
    ["a domain that the account has not", { domains: ["www.example.org"] }, /www\.example\.org.*SOA|zone/],
  ])("%s: the run fails and says why, and the certificate stays", async (_what, change, why) => {
    const old = await put(-61, 29);
    const { secret, ...settings } = change as { secret?: Secret };
    if (secret) acme.vault.held.set(paths.dns, secret);
    const ran = await task(settings);
    expect(ran.code).toBe(1);
    const line = ran.stderr.trim().split("\n").at(-1);
    expect(line).toMatch(/^acme: no certificate: /);
    expect(line).toMatch(why);
    expect(acme.shown.cert).toBe(old);
    expect(acme.last).toMatchObject({ result: "failed", message: expect.stringMatching(why) });
    expect(records()).toEqual([]);
  });

  test("a limit of the server's ends the run, which asks no further", async () => {
    const proxy = await between(acme.pair, { port: 14_100, caPem: acme.caPem }, { limited: true });
    try {
      const old = await put(-61, 29);
      const ran = await task({ directory: proxy.directory });
      expect(ran.code).toBe(1);
      expect(ran.stderr).toMatch(/acme: no certificate: .*429 .*rateLimited .*too many certificates/);
      expect(acme.shown.cert).toBe(old);
      expect(proxy.problems).toEqual(["urn:ietf:params:acme:error:rateLimited"]);
    } finally {
      proxy.end();
    }
  });

  test("what Vault refuses is told, and before anybody is asked for a certificate", async () => {
    acme.vault.refuses = paths.certificate;
    const ran = await task();
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^acme: no certificate: vault refuses GET certificates\/\S+: 403 .*permission denied/,
    );
  });
});
