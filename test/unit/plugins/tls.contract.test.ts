import { createPrivateKey, createPublicKey } from "node:crypto";
import { utils } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";

const KEY = "tls:index/privateKey:PrivateKey";

let plugin: PluginUnderTest;

beforeAll(async () => {
  plugin = await PluginUnderTest.start("tls");
});

afterAll(() => plugin.stop());

/** A resource's properties without secret marks. */
function open(made: { properties: Values }): Values {
  return plain(made.properties) as Values;
}

function text(value: unknown): string {
  expect(value).toBeTypeOf("string");
  return String(value);
}

describe("PrivateKey", () => {
  const kinds: [string, Values, string, string][] = [
    ["RSA", { algorithm: "RSA", rsaBits: 2048 }, "RSA PRIVATE KEY", "ssh-rsa"],
    ["P256", { algorithm: "ECDSA", ecdsaCurve: "P256" }, "EC PRIVATE KEY", "ecdsa-sha2-nistp256"],
    ["P384", { algorithm: "ECDSA", ecdsaCurve: "P384" }, "EC PRIVATE KEY", "ecdsa-sha2-nistp384"],
    ["P521", { algorithm: "ECDSA", ecdsaCurve: "P521" }, "EC PRIVATE KEY", "ecdsa-sha2-nistp521"],
    ["ED25519", { algorithm: "ED25519" }, "PRIVATE KEY", "ssh-ed25519"],
  ];

  it.each(kinds)("makes %s keys whose forms are all of one key", async (_name, inputs, label, type) => {
    const made = await plugin.make(KEY, inputs);
    const out = open(made);
    expect(text(out.privateKeyPem)).toMatch(new RegExp(`^-----BEGIN ${label}-----\n`));
    expect(text(out.privateKeyPemPkcs8)).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    const publicPem = (pem: unknown) =>
      createPublicKey(createPrivateKey(text(pem))).export({ type: "spki", format: "pem" });
    expect(publicPem(out.privateKeyPem)).toBe(out.publicKeyPem);
    expect(publicPem(out.privateKeyPemPkcs8)).toBe(out.publicKeyPem);
    const ssh = utils.parseKey(text(out.privateKeyOpenssh));
    if (ssh instanceof Error) throw ssh;
    expect(text(out.publicKeyOpenssh)).toBe(`${type} ${ssh.getPublicSSH().toString("base64")}\n`);
    const signature = ssh.sign(Buffer.from("message"));
    const shown = utils.parseKey(text(out.publicKeyOpenssh));
    if (shown instanceof Error) throw shown;
    expect(shown.verify("message", signature)).toBe(true);
    expect(out.publicKeyFingerprintSha256).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(out.publicKeyFingerprintMd5).toMatch(/^([0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    expect(made.id).toMatch(/^[0-9a-f]{40}$/);
  });

  it("is an ECDSA key on P224, which SSH does not know, unless told otherwise", async () => {
    const out = open(await plugin.make(KEY, { algorithm: "ECDSA" }));
    expect(out).toMatchObject({ ecdsaCurve: "P224", rsaBits: 2048 });
    const { asymmetricKeyDetails } = createPrivateKey(text(out.privateKeyPem));
    expect(asymmetricKeyDetails?.namedCurve).toBe("secp224r1");
    expect([out.privateKeyOpenssh, out.publicKeyOpenssh, out.publicKeyFingerprintMd5]).toEqual(["", "", ""]);
  });

  it("marks private keys secret and public ones not", async () => {
    const { properties } = await plugin.make(KEY, { algorithm: "ED25519" });
    const marks = Object.keys(properties).filter((name) => secretIn(properties, name));
    expect(marks.sort()).toEqual(["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]);
  });

  it("knows at preview what was given, and nothing of the key", async () => {
    const inputs = await plugin.checked(KEY, { algorithm: "ED25519" });
    const { properties } = await plugin.create(KEY, inputs, { preview: true });
    expect(properties.algorithm).toBe("ED25519");
    expect(plain(properties.privateKeyPem)).toBe(UNKNOWN);
    expect(plain(properties.publicKeyOpenssh)).toBe(UNKNOWN);
  });

  it("is replaced by any change, and by none stays", async () => {
    const made = await plugin.make(KEY, { algorithm: "ECDSA", ecdsaCurve: "P256" });
    const same = await plugin.diff(KEY, made.id, made.properties, made.inputs, made.inputs);
    expect(same).toMatchObject({ changed: false, replaces: [] });
    const news = await plugin.checked(KEY, { algorithm: "ECDSA", ecdsaCurve: "P384" });
    const diff = await plugin.diff(KEY, made.id, made.properties, made.inputs, news);
    expect(diff).toMatchObject({ changed: true, replaces: ["ecdsaCurve"] });
  });

  it("reads back as it is in the state, and is deleted without anything to do", async () => {
    const made = await plugin.make(KEY, { algorithm: "ED25519" });
    const read = await plugin.read(KEY, made.id, made.properties, made.inputs);
    expect(plain(read.properties)).toEqual(plain(made.properties));
    await plugin.delete(KEY, made);
  });

  it("refuses what it does not know", async () => {
    for (const wrong of [
      { algorithm: "DSA" },
      {},
      { algorithm: "ECDSA", ecdsaCurve: "P512" },
      { algorithm: "RSA", rsaBits: "many" },
    ]) {
      expect((await plugin.check(KEY, wrong)).failures).not.toEqual([]);
    }
    if (plugin.official) return;
    const { failures } = await plugin.check(KEY, { algorithm: "RSA", bits: 4096 });
    expect(failures.map(({ reason }) => reason).join()).toMatch(/bits/);
  });
});

it("says which version it stands in for, and ends when it is told to", async () => {
  const another = await PluginUnderTest.start("tls");
  expect(await another.version()).toMatch(/^v?5\.6\./);
  expect(await another.stop()).toBe(0);
});
