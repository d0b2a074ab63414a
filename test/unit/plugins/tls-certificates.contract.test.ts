import "reflect-metadata";
import { X509Certificate } from "node:crypto";
import { connect, createServer, type TLSSocket } from "node:tls";
import * as x509 from "@peculiar/x509";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";

const KEY = "tls:index/privateKey:PrivateKey";
const REQUEST = "tls:index/certRequest:CertRequest";
const SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert";
const SIGNED = "tls:index/locallySignedCert:LocallySignedCert";

const caUses = ["cert_signing", "crl_signing"];

let plugin: PluginUnderTest;
let key: Values;
let otherKey: Values;

beforeAll(async () => {
  plugin = await PluginUnderTest.start("tls");
  key = open(await plugin.make(KEY, { algorithm: "ECDSA", ecdsaCurve: "P256" }));
  otherKey = open(await plugin.make(KEY, { algorithm: "ECDSA", ecdsaCurve: "P384" }));
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

/** root → issuing CA → leaf, made as a program would. */
async function chain() {
  const root = await plugin.make(SELF_SIGNED, {
    privateKeyPem: secret(key.privateKeyPem),
    subject: { commonName: 'Root "1"', organization: "Würze, Inc" },
    allowedUses: caUses,
    validityPeriodHours: 24 * 365 * 30,
    isCaCertificate: true,
    setSubjectKeyId: true,
    setAuthorityKeyId: true,
  });
  const issuingRequest = await plugin.make(REQUEST, {
    privateKeyPem: secret(otherKey.privateKeyPem),
    subject: { commonName: "Issuing" },
  });
  const issuing = await plugin.make(SIGNED, {
    certRequestPem: issuingRequest.properties.certRequestPem,
    caCertPem: root.properties.certPem,
    caPrivateKeyPem: secret(key.privateKeyPem),
    allowedUses: caUses,
    validityPeriodHours: 1000,
    isCaCertificate: true,
    setSubjectKeyId: true,
    maxPathLength: 0,
  });
  const leafKey = open(await plugin.make(KEY, { algorithm: "ECDSA", ecdsaCurve: "P256" }));
  const leafRequest = await plugin.make(REQUEST, {
    privateKeyPem: secret(leafKey.privateKeyPem),
    subject: { commonName: "leaf" },
    dnsNames: ["localhost", "vault.service.consul"],
    ipAddresses: ["127.0.0.1", "fd00::1"],
    uris: ["spiffe://hashistack/leaf"],
  });
  const leaf = await plugin.make(SIGNED, {
    certRequestPem: leafRequest.properties.certRequestPem,
    caCertPem: issuing.properties.certPem,
    caPrivateKeyPem: secret(otherKey.privateKeyPem),
    allowedUses: ["digital_signature", "server_auth", "client_auth"],
    validityPeriodHours: 100,
  });
  return { root, issuing, leaf, leafKey };
}

describe("certificates", () => {
  it("make a chain that a TLS client verifies by its root alone", async () => {
    const { root, issuing, leaf, leafKey } = await chain();
    const [rootPem, issuingPem, leafPem] = [root, issuing, leaf].map((c) => text(c.properties.certPem));
    const server = createServer({ key: text(leafKey.privateKeyPem), cert: leafPem + issuingPem }, (s) =>
      s.end(),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const shake = (ca: string, servername: string) =>
      new Promise<boolean | Error>((resolve) => {
        const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca, servername }, () => {
          socket.destroy();
          resolve(socket.authorized);
        });
        socket.on("error", resolve);
      });
    expect(await shake(rootPem, "localhost")).toBe(true);
    expect(await shake(rootPem, "elsewhere.consul")).toBeInstanceOf(Error);
    expect(await shake(leafPem, "localhost")).toBeInstanceOf(Error);
    await new Promise((resolve) => server.close(resolve));
  });

  it("say what they are for, in extensions that verifiers obey", async () => {
    const { root, issuing, leaf } = await chain();
    const [r, i, l] = [root, issuing, leaf].map((c) => new x509.X509Certificate(text(c.properties.certPem)));
    for (const authority of [r, i]) {
      expect(authority.getExtension(x509.BasicConstraintsExtension)).toMatchObject({
        ca: true,
        critical: true,
      });
      const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
      const uses = authority.getExtension(x509.KeyUsagesExtension);
      expect(uses).toMatchObject({ critical: true, usages: keyCertSign | cRLSign });
    }
    const constraints = l.getExtension(x509.BasicConstraintsExtension);
    expect(constraints).toMatchObject({ ca: false, critical: true });
    // The official provider 5.6 loses a path length of 0: crypto/x509 takes 0 for "not set" there.
    if (!plugin.official) expect(i.getExtension(x509.BasicConstraintsExtension)?.pathLength).toBe(0);
    const keyId = (c: x509.X509Certificate) => c.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
    const authorityId = (c: x509.X509Certificate) =>
      c.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId;
    expect(keyId(r)).toMatch(/^[0-9a-f]{40}$/);
    expect(authorityId(r)).toBe(keyId(r));
    expect(authorityId(i)).toBe(keyId(r));
    expect(authorityId(l)).toBe(keyId(i));
    expect(keyId(l)).toBeUndefined();
    const usages = l.getExtension(x509.ExtendedKeyUsageExtension)?.usages;
    expect(usages).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  });

  it("carry the names of the request, and the issuer's own", async () => {
    const { root, issuing, leaf } = await chain();
    const [r, i, l] = [root, issuing, leaf].map((c) => new X509Certificate(text(c.properties.certPem)));
    const { subjectName } = new x509.X509Certificate(text(root.properties.certPem));
    expect([subjectName.getField("O"), subjectName.getField("CN")]).toEqual([["Würze, Inc"], ['Root "1"']]);
    expect(i.issuer).toBe(r.subject);
    expect(i.checkIssued(r) && i.verify(r.publicKey)).toBe(true);
    expect(l.checkIssued(i) && l.verify(i.publicKey)).toBe(true);
    expect(l.subjectAltName).toBe(
      "DNS:localhost, DNS:vault.service.consul, IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1, URI:spiffe://hashistack/leaf",
    );
    expect(BigInt(leaf.id).toString(16)).toBe(l.serialNumber.toLowerCase().replace(/^0+/, ""));
  });

  it("last as long as they were asked to, beyond 2049 too", async () => {
    const { root } = await chain();
    const { certPem, validityStartTime, validityEndTime } = root.properties;
    const [start, end] = [Date.parse(text(validityStartTime)), Date.parse(text(validityEndTime))];
    expect(end - start).toBe(24 * 365 * 30 * 3_600_000);
    expect(Math.abs(Date.now() - start)).toBeLessThan(60_000);
    const certificate = new X509Certificate(text(certPem));
    expect(Math.floor(Date.parse(certificate.validTo) / 1000)).toBe(Math.floor(end / 1000));
    expect(root.properties.readyForRenewal).toBe(false);
  });

  it.each([
    ["RSA", { algorithm: "RSA", rsaBits: 2048 }],
    ["ED25519", { algorithm: "ED25519" }],
    ["P521", { algorithm: "ECDSA", ecdsaCurve: "P521" }],
  ])("are signed with %s keys too", async (_name, kind) => {
    const { privateKeyPem } = open(await plugin.make(KEY, kind));
    const made = await plugin.make(SELF_SIGNED, selfSigned({ privateKeyPem: secret(privateKeyPem) }));
    const certificate = new X509Certificate(text(made.properties.certPem));
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(made.properties.keyAlgorithm).toBe(kind.algorithm);
  });

  it("keep the private key they were given secret, and name its kind", async () => {
    const { root, leaf } = await chain();
    expect(secretIn(root.properties, "privateKeyPem")).toBe(true);
    expect(secretIn(leaf.properties, "caPrivateKeyPem")).toBe(true);
    expect(secretIn(leaf.properties, "certPem")).toBe(false);
    expect([root.properties.keyAlgorithm, leaf.properties.caKeyAlgorithm]).toEqual(["ECDSA", "ECDSA"]);
  });

  it("take unknown inputs at preview", async () => {
    const inputs = await plugin.checked(SIGNED, {
      certRequestPem: UNKNOWN,
      caCertPem: UNKNOWN,
      caPrivateKeyPem: secret(UNKNOWN),
      allowedUses: caUses,
      validityPeriodHours: 10,
    });
    const { properties } = await plugin.create(SIGNED, inputs, { preview: true });
    expect(properties).toMatchObject({ certPem: UNKNOWN, validityPeriodHours: 10 });
  });
});

function selfSigned(more: Values = {}): Values {
  return {
    privateKeyPem: secret(key.privateKeyPem),
    subject: { commonName: "a" },
    allowedUses: ["digital_signature"],
    validityPeriodHours: 10,
    ...more,
  };
}

describe("changes of a certificate", () => {
  it.each([
    ["subject", { subject: { commonName: "b" } }],
    ["allowedUses", { allowedUses: ["server_auth"] }],
    ["validityPeriodHours", { validityPeriodHours: 11 }],
    ["isCaCertificate", { isCaCertificate: true }],
    ["dnsNames", { dnsNames: ["x"] }],
    ["setSubjectKeyId", { setSubjectKeyId: true }],
  ])("of %s replace it", async (property, change) => {
    const made = await plugin.make(SELF_SIGNED, selfSigned());
    const news = await plugin.checked(SELF_SIGNED, selfSigned(change));
    const diff = await plugin.diff(SELF_SIGNED, made.id, made.properties, made.inputs, news);
    expect(diff).toMatchObject({ changed: true, replaces: [property] });
  });

  it("of the key replace it", async () => {
    const made = await plugin.make(SELF_SIGNED, selfSigned());
    const changed = selfSigned({ privateKeyPem: secret(otherKey.privateKeyPem) });
    const news = await plugin.checked(SELF_SIGNED, changed);
    const diff = await plugin.diff(SELF_SIGNED, made.id, made.properties, made.inputs, news);
    expect(diff.replaces).toEqual(["privateKeyPem"]);
  });

  it("of earlyRenewalHours alone keep it, and the preview knows that", async () => {
    const made = await plugin.make(SELF_SIGNED, selfSigned());
    const news = await plugin.checked(SELF_SIGNED, selfSigned({ earlyRenewalHours: 3 }));
    const diff = await plugin.diff(SELF_SIGNED, made.id, made.properties, made.inputs, news);
    expect(diff).toMatchObject({ changed: true, replaces: [] });
    const preview = await plugin.update(SELF_SIGNED, made, news, { preview: true });
    expect(preview.certPem).toBe(made.properties.certPem);
    const updated = await plugin.update(SELF_SIGNED, made, news);
    expect(updated).toMatchObject({ certPem: made.properties.certPem, earlyRenewalHours: 3 });
  });

  it("replace it when its renewal is due, and reading says so before", async () => {
    const due = selfSigned({ validityPeriodHours: 10, earlyRenewalHours: 10 });
    const made = await plugin.make(SELF_SIGNED, due);
    const diff = await plugin.diff(SELF_SIGNED, made.id, made.properties, made.inputs, made.inputs);
    expect(diff).toMatchObject({ changed: true, replaces: ["readyForRenewal"] });
    const read = await plugin.read(SELF_SIGNED, made.id, made.properties, made.inputs);
    expect(read.properties.readyForRenewal).toBe(true);
    const fresh = await plugin.make(SELF_SIGNED, selfSigned({ earlyRenewalHours: 9 }));
    const none = await plugin.diff(SELF_SIGNED, fresh.id, fresh.properties, fresh.inputs, fresh.inputs);
    expect(none.changed).toBe(false);
    const unchanged = await plugin.read(SELF_SIGNED, fresh.id, fresh.properties, fresh.inputs);
    expect(plain(unchanged.properties)).toEqual(plain(fresh.properties));
  });
});

describe("what is wrong with a certificate", () => {
  const make = (token: string, inputs: Values) => plugin.make(token, inputs);

  it("is refused before anything is made", async () => {
    for (const wrong of [
      { allowedUses: ["keyEncipherment"] },
      { validityPeriodHours: -1 },
      { earlyRenewalHours: -1 },
      { maxPathLength: -2 },
    ]) {
      const { failures } = await plugin.check(SELF_SIGNED, selfSigned(wrong));
      expect(failures).not.toEqual([]);
    }
  });

  it.each([
    ["an address that is none", { ipAddresses: ["10.0.0.999"] }, /10\.0\.0\.999/],
    ["a CA without a name", { isCaCertificate: true, subject: {} }, /[Ss]ubject|Distinguished Name/],
    ["an authority's key id where there is none", { setAuthorityKeyId: true }, /[Aa]uthority/],
  ])("%s", async (_what, change, message) => {
    await expect(make(SELF_SIGNED, selfSigned(change))).rejects.toThrow(message);
  });

  it("a key that is none, without quoting it", async () => {
    const nonsense = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END PRIVATE KEY-----\n";
    const error = await make(SELF_SIGNED, selfSigned({ privateKeyPem: secret(nonsense) })).catch(
      (e: Error) => e,
    );
    expect(String(error)).toMatch(/private ?key/i);
    expect(String(error)).not.toContain("c2VjcmV0");
  });

  it("a CA certificate with another CA's key", async () => {
    const { root, leaf } = await chain();
    const inputs = { ...leaf.inputs, caCertPem: root.properties.certPem };
    await expect(make(SIGNED, inputs)).rejects.toThrow(/key/i);
  });

  it("what only the official plugin can do, by name", async () => {
    if (plugin.official) return;
    const { failures } = await plugin.check(SELF_SIGNED, selfSigned({ privateKeyPemWo: "x" }));
    expect(failures.map(({ reason }) => reason).join()).toMatch(/privateKeyPemWo/);
    const curve = open(await plugin.make(KEY, { algorithm: "ECDSA" }));
    const unsigned = make(SELF_SIGNED, selfSigned({ privateKeyPem: secret(curve.privateKeyPem) }));
    await expect(unsigned).rejects.toThrow(/P256, P384 or P521/);
    await expect(make(SELF_SIGNED, selfSigned({ maxPathLength: 1 }))).rejects.toThrow(/maxPathLength/);
    const { leaf } = await chain();
    const byLeaf = { ...leaf.inputs, caCertPem: leaf.properties.certPem };
    await expect(make(SIGNED, byLeaf)).rejects.toThrow(/caCertPem|caPrivateKeyPem/);
  });
});
