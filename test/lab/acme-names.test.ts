import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Pebble } from "../../lab/acme/pebble";
import { serveNames } from "./support/acme";
import { AcmeTask, domains, paths } from "./support/acme-task";
import { Bind, type UpdateKey, updateKey } from "./support/bind";
import { Designate } from "./support/designate";

/** The program that gets public certificates, where another than Linode serves the domain. */

let acme: AcmeTask;

beforeAll(async () => {
  acme = await AcmeTask.start();
});
afterAll(() => acme?.end());
beforeEach(() => acme.forget());

describe("where a name server of one's own takes updates", () => {
  const right = updateKey("acme.", "hmac-sha256.");
  const strong = updateKey("strong.", "hmac-sha512.");
  const challenge = "_acme-challenge.example.test";
  let bind: Bind;
  let own: Pebble;

  beforeAll(async () => {
    bind = await Bind.start(14_153, "example.test", [right, strong]);
    own = await acme.pebble(14_120, bind.address);
  });
  afterAll(async () => {
    await own?.end();
    await bind?.end();
  });

  /** A run of the task with a key. */
  function update(key: UpdateKey, change: object = {}) {
    acme.vault.held.set(paths.dns, { server: bind.address, ...key });
    const there = { provider: "rfc2136", directory: own.directory, resolvers: [bind.address] };
    return acme.run({ ...there, ...change });
  }

  test.each([
    // One name after the other, a minute apart: their records have one name, and lego replaces them.
    ["a key for SHA-256, for all names", right, domains],
    ["a key for SHA-512", strong, ["example.test"]],
  ])("it gets one by %s, and leaves no record behind", async (_what, key, wanted) => {
    const ran = await update(key, { domains: wanted });
    expect(ran.code, ran.stderr).toBe(0);
    expect(acme.names).toEqual([...wanted].sort());
    expect(bind.words).toContain(`/key ${key.keyName.slice(0, -1)}: updating zone`);
    expect(await bind.texts(challenge)).toEqual([]);
  });

  test.each([
    ["another secret", { ...right, secret: strong.secret }, {}, /rfc2136: .*bad authentication/],
    ["a key that is not known there", { ...right, keyName: "other." }, {}, /rfc2136: .*bad authentication/],
    ["a name that the key may not write", right, { domains: ["www.example.test"] }, /rfc2136: .*REFUSED/],
  ])("%s: the run fails and says why, and the certificate stays", async (_what, key, change, why) => {
    const old = await acme.put(-61, 29, own.directory);
    const ran = await update(key, change);
    expect(ran.code).toBe(1);
    expect(ran.stderr.trim().split("\n").at(-1)).toMatch(why);
    expect(acme.shown.cert).toBe(old);
    expect(acme.last).toMatchObject({ result: "failed", message: expect.stringMatching(why) });
    expect(await bind.texts(challenge)).toEqual([]);
  });
});

describe("where OpenStack's Designate has the domain", () => {
  const credential = { id: "the-id", secret: "the-secret" };
  let designate: Designate;
  let served: { address: string; end: () => void };
  let own: Pebble;

  beforeAll(async () => {
    designate = await Designate.start(acme.pair, "example.test", "here", credential);
    served = await serveNames(() => [designate.zone]);
    own = await acme.pebble(14_130, served.address);
  });
  afterAll(async () => {
    await own?.end();
    served?.end();
    designate?.end();
  });

  /** A run of the task with a credential. */
  function openStack(change: object = {}) {
    acme.vault.held.set(paths.dns, { authUrl: designate.authUrl, region: "here", ...credential, ...change });
    return acme.run({ provider: "designate", directory: own.directory, resolvers: [served.address] });
  }

  test("it gets one for all names by an application credential, and leaves no record behind", async () => {
    const ran = await openStack();
    expect(ran.code, ran.stderr).toBe(0);
    expect(acme.names).toEqual([...domains].sort());
    expect(designate.calls.filter((call) => call.startsWith("DELETE"))).toHaveLength(1);
    expect(designate.zone.records).toEqual([]);
  });

  test.each([
    ["a credential that is refused", { secret: "another" }, /failed to authenticate/],
    ["a region without the service", { region: "nowhere" }, /failed to get DNS provider/],
  ])("%s: the run fails and says why, and the certificate stays", async (_what, change, why) => {
    const old = await acme.put(-61, 29, own.directory);
    const ran = await openStack(change);
    expect(ran.code).toBe(1);
    expect(ran.stderr.trim().split("\n").at(-1)).toMatch(why);
    expect(acme.shown.cert).toBe(old);
    expect(designate.zone.records).toEqual([]);
  });
});
