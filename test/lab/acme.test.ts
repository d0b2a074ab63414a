import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runAny } from "../../bench/run";
import type { KeyPair } from "../../lab/acme/certificate";
import { Pebble } from "../../lab/acme/pebble";
import { leftOver } from "../../lab/linode/admin";
import { type LinodeApi, startLinodeApi } from "../../lab/linode/index";
import { type Answer, type Asked, Stage } from "../unit/bootstrap/programs";
import { between, programFile, serveNames } from "./support/acme";
import { Bind, updateKey } from "./support/bind";

/**
 * The program that gets public certificates, as its task runs it, against a real ACME server (Pebble, strict), the emulated
 * Linode's domains and their names, and a real name server that takes updates (BIND). Vault alone is the test's own: what a role may do there is tried on a cluster.
 */

type Secret = Record<string, string>;

const domains = ["example.test", "*.example.test"];
const token = "domains-only";
const paths = {
  certificate: "certificates/ingress/ingress/site",
  account: "secret/data/ingress/acme/account",
  dns: "secret/data/ingress/acme/dns",
  run: "secret/data/ingress/acme/run",
  force: "secret/data/ingress/acme/force",
};

/** A KV store of version 1 and one of version 2, for whoever has the token. */
class FakeVault {
  readonly held = new Map<string, Secret>();
  refuses: string | undefined;

  readonly answer = ({ method, path, token: shown, body }: Asked): Answer => {
    const at = path.replace(/^\/v1\//, "");
    if (shown !== "task-token" || at === this.refuses) return [403, { errors: ["permission denied"] }];
    const versioned = at.includes("/data/");
    if (method === "PUT") {
      this.held.set(at, (versioned ? (body as { data: Secret }).data : body) as Secret);
      return [204];
    }
    const found = this.held.get(at);
    if (!found) return [404, { errors: [] }];
    return [200, { data: versioned ? { data: found, metadata: {} } : found }];
  };
}

describe("the program that gets public certificates", () => {
  let stage: Stage;
  let folder: string;
  let program: string;
  let pebbleFile: string;
  let pair: KeyPair;
  let linode: LinodeApi;
  let names: { address: string; end: () => void };
  let pebble: Pebble;
  let vaultAddress: string;
  const vault = new FakeVault();

  beforeAll(async () => {
    stage = new Stage();
    folder = mkdtempSync(join(tmpdir(), "hashistack-acme-"));
    program = await programFile("hashistack-acme");
    pebbleFile = await programFile("pebble");
    pair = stage.authority.serverPair("localhost");
    linode = await startLinodeApi({ tokens: [token] });
    const made = await fetch(`${linode.url}/v4/domains`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ domain: "example.test", type: "master", soa_email: "ops@example.test" }),
    });
    expect(made.status).toBe(200);
    names = await serveNames(linode.state);
    pebble = await start(14_100);
    const { address } = await stage.service(vault.answer, "localhost");
    vaultAddress = address.replace("127.0.0.1", "localhost");
    writeFileSync(join(folder, "ca.pem"), stage.authority.rootPem);
    writeFileSync(join(folder, "token"), "task-token\n");
  });
  afterAll(async () => {
    await pebble?.end();
    names?.end();
    await linode?.close();
    stage?.end();
    if (folder) rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    vault.held.clear();
    vault.refuses = undefined;
    vault.held.set(paths.dns, { token });
  });

  const start = (port: number, more: { badNonces?: number; names?: string } = {}): Promise<Pebble> =>
    Pebble.start({
      program: pebbleFile,
      folder,
      pair,
      caPem: stage.authority.rootPem,
      port,
      names: names.address,
      ...more,
    });

  /** A run of the task. */
  async function task(change: object = {}) {
    const ca = join(folder, "ca.pem");
    const settings = {
      vault: { address: `https://${vaultAddress}`, caFile: ca },
      domains,
      email: "ops@example.test",
      directory: pebble.directory,
      keyType: "ec256",
      renewDays: 30,
      resolvers: [names.address],
      provider: "linode",
      api: linode.url,
      caFile: ca,
      paths,
      ...change,
    };
    const file = join(folder, "acme.json");
    writeFileSync(file, JSON.stringify(settings));
    // A task's environment has nothing of the user's.
    const ran = await runAny([program, file, join(folder, "token")], { what: "the task", env: {} });
    expect(ran.stdout + ran.stderr).not.toContain(token);
    expect(ran.stdout + ran.stderr).not.toContain("PRIVATE KEY");
    return ran;
  }

  const shown = (): Secret => vault.held.get(paths.certificate) ?? {};
  const leaf = () => new X509Certificate(shown().cert ?? "");
  const last = (): Secret => vault.held.get(paths.run) ?? {};
  const records = () => leftOver(linode.state).records;

  /** Puts a certificate where the ingress reads it, whose life began and ends in days from now. */
  async function put(from: number, to: number, from_ = pebble.directory): Promise<string> {
    const key = join(folder, "own.key");
    const names = ["-subj", "/CN=www", "-addext", `subjectAltName=${domains.map((n) => `DNS:${n}`).join()}`];
    const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", key];
    const request = execFileSync("openssl", ["req", "-new", ...ec, ...names], { encoding: "utf8" });
    const cert = await stage.authority.signFor(request, from, to);
    vault.held.set(paths.certificate, {
      ...{ cert, key: "kept" },
      ...(from_ ? { directory: from_, at: new Date(Date.now() + from * 86_400_000).toISOString() } : {}),
    });
    return cert;
  }

  test("gets one for all names in place of the cluster's own, and leaves no record behind", async () => {
    const own = await put(0, 90, "");
    const ran = await task();
    expect(ran.code, ran.stderr).toBe(0);
    expect(shown().cert).not.toBe(own);
    expect(leaf().subjectAltName?.split(", ").sort()).toEqual(domains.map((name) => `DNS:${name}`).sort());
    const [, issuing = ""] = (shown().cert ?? "").split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(leaf().verify(new X509Certificate(issuing).publicKey)).toBe(true);
    expect(new X509Certificate(issuing).verify(new X509Certificate(await pebble.root()).publicKey)).toBe(
      true,
    );
    expect(leaf().checkPrivateKey(createPrivateKey(shown().key ?? ""))).toBe(true);
    expect(last()).toMatchObject({ result: "issued", message: expect.stringContaining("own authority") });
    expect(vault.held.get(paths.account)).toMatchObject({
      directory: pebble.directory,
      key: expect.stringContaining("EC PRIVATE KEY"),
    });
    expect(records()).toEqual([]);
    const first = shown().cert;
    const account = vault.held.get(paths.account)?.key;

    // Nothing is due: nobody is asked, and what is there stays.
    linode.state.calls.clear();
    expect((await task()).stderr).toMatch(/^acme: nothing is due before 20/);
    expect(shown().cert).toBe(first);
    expect(last().result).toBe("kept");
    expect([...linode.state.calls.keys()]).toEqual([]);

    // By hand all the same, once, from the same account.
    vault.held.set(paths.force, { at: new Date().toISOString() });
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("asked for by hand") });
    const second = shown().cert;
    expect(second).not.toBe(first);
    expect(vault.held.get(paths.account)?.key).toBe(account);
    expect((await task()).stderr).toContain("nothing is due");
    expect(shown().cert).toBe(second);

    // Another type of key, other names.
    const other = await task({ keyType: "ec384", domains: ["www.example.test"] });
    expect(other).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("shall be for www.example.test"),
    });
    expect(leaf().publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "secp384r1" });
    expect((await task({ domains: ["www.example.test"] })).stderr).toContain("its key is ec384 and shall be");
  }, 120_000);

  test("renews one that is near its end, and none that is not", async () => {
    const young = await put(-10, 80);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing is due") });
    expect(shown().cert).toBe(young);
    const short = await put(-1, 5);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("nothing is due") });
    expect(shown().cert).toBe(short);
    const old = await put(-61, 29);
    expect(await task()).toMatchObject({ code: 0, stderr: expect.stringContaining("is due: it ends at") });
    expect(shown().cert).not.toBe(old);
    expect(Date.parse(leaf().validTo) - Date.now()).toBeGreaterThan(80 * 86_400_000);
  });

  test("a server that takes few nonces is asked again", async () => {
    const picky = await start(14_110, { badNonces: 40 });
    const proxy = await between(pair, { port: 14_110, caPem: stage.authority.rootPem });
    try {
      const ran = await task({ directory: proxy.directory });
      expect(ran.code, ran.stderr).toBe(0);
      expect(shown().directory).toBe(proxy.directory);
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
    if (secret) vault.held.set(paths.dns, secret);
    const ran = await task(settings);
    expect(ran.code).toBe(1);
    const line = ran.stderr.trim().split("\n").at(-1);
    expect(line).toMatch(/^acme: no certificate: /);
    expect(line).toMatch(why);
    expect(shown().cert).toBe(old);
    expect(last()).toMatchObject({ result: "failed", message: expect.stringMatching(why) });
    expect(records()).toEqual([]);
  });

  test("a limit of the server's ends the run, which asks no further", async () => {
    const proxy = await between(pair, { port: 14_100, caPem: stage.authority.rootPem }, { limited: true });
    try {
      const old = await put(-61, 29);
      const ran = await task({ directory: proxy.directory });
      expect(ran.code).toBe(1);
      expect(ran.stderr).toMatch(/acme: no certificate: .*429 .*rateLimited .*too many certificates/);
      expect(shown().cert).toBe(old);
      expect(proxy.problems).toEqual(["urn:ietf:params:acme:error:rateLimited"]);
    } finally {
      proxy.end();
    }
  });

  describe("where a name server of one's own takes updates", () => {
    const right = updateKey("acme.", "hmac-sha256.");
    const strong = updateKey("strong.", "hmac-sha512.");
    const challenge = "_acme-challenge.example.test";
    let bind: Bind;
    let own: Pebble;

    beforeAll(async () => {
      bind = await Bind.start(14_153, "example.test", [right, strong]);
      own = await start(14_120, { names: bind.address });
    });
    afterAll(async () => {
      await own?.end();
      await bind?.end();
    });

    /** A run of the task with a key. */
    async function update(key: object, change: object = {}) {
      vault.held.set(paths.dns, { server: bind.address, ...key } as Secret);
      const there = { provider: "rfc2136", directory: own.directory, resolvers: [bind.address] };
      const ran = await task({ ...there, ...change });
      expect(ran.stdout + ran.stderr).not.toContain(right.secret);
      return ran;
    }

    test.each([
      // One name after the other, a minute apart: their records have one name, and lego replaces them.
      ["a key for SHA-256, for all names", right, domains],
      ["a key for SHA-512", strong, ["example.test"]],
    ])("it gets one by %s, and leaves no record behind", async (_what, key, wanted) => {
      const ran = await update(key, { domains: wanted });
      expect(ran.code, ran.stderr).toBe(0);
      expect(leaf().subjectAltName?.split(", ").sort()).toEqual(wanted.map((name) => `DNS:${name}`).sort());
      expect(bind.words).toContain(`/key ${key.keyName.slice(0, -1)}: updating zone`);
      expect(await bind.texts(challenge)).toEqual([]);
    });

    test.each([
      ["another secret", { ...right, secret: strong.secret }, {}, /rfc2136: .*bad authentication/],
      ["a key that is not known there", { ...right, keyName: "other." }, {}, /rfc2136: .*bad authentication/],
      ["a name that the key may not write", right, { domains: ["www.example.test"] }, /rfc2136: .*REFUSED/],
    ])("%s: the run fails and says why, and the certificate stays", async (_what, key, change, why) => {
      const old = await put(-61, 29, own.directory);
      const ran = await update(key, change);
      expect(ran.code).toBe(1);
      expect(ran.stderr.trim().split("\n").at(-1)).toMatch(why);
      expect(shown().cert).toBe(old);
      expect(last()).toMatchObject({ result: "failed", message: expect.stringMatching(why) });
      expect(await bind.texts(challenge)).toEqual([]);
    });
  });

  test("what Vault refuses is told, and before anybody is asked for a certificate", async () => {
    vault.refuses = paths.certificate;
    const ran = await task();
    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(
      /^acme: no certificate: vault refuses GET certificates\/\S+: 403 .*permission denied/,
    );
  });
});
