import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acmeCredential, acmeJob, acmePaths, acmePolicy } from "../../../components/jobs/acme";
import { ingressCertificate } from "../../../components/jobs/ingress";
import { parseSettings } from "../../../components/settings/parse";
import { goodSettings } from "../settings/stack-files";
import { type Answer, type Asked, run, Stage } from "./programs";

/** The job that gets public certificates, and what begins and ends with it. */

const settings = parseSettings({
  ...goodSettings(),
  acme: {
    email: "ops@example.org",
    directory: "https://acme.test:14000/dir",
    ca: "-----BEGIN CERTIFICATE-----\n",
    provider: "linode",
    credential: { token: "canary-token" },
  },
});
const { acme } = settings;
if (!acme) throw new Error("no acme");

describe("the job", () => {
  const spec = acmeJob({
    settings: { ...settings, acme },
    program: { url: "https://[fd00:1ab::2]:8443/x", sha256: "00" },
    nodeClass: "general",
    vaultAddress: "https://active.vault.service.consul:8200",
    vaultCaPem: "pem",
  });

  test("gets exactly the variables that its file declares, and is what it says", () => {
    const declared = [...spec.hcl.matchAll(/^variable "(\w+)"/gm)].map((match) => match[1]);
    expect(Object.keys(spec.variables).sort()).toEqual(declared.sort());
    expect(spec.hcl).toContain(`job "${spec.id}" {\n  namespace   = var.namespace\n`);
    expect(spec.hcl).toMatch(/prohibit_overlap = true/);
    expect(spec.hcl).toMatch(/vault \{\n\s+role {8}= "acme"/);
  });

  test("holds no secret: the program reads the credential from Vault", () => {
    expect(JSON.stringify(spec)).not.toContain("canary");
    expect(JSON.parse(String(spec.variables.settings))).toEqual({
      vault: { address: "https://active.vault.service.consul:8200", caFile: "/local/vault-ca.pem" },
      domains: ["www.dev.test"],
      email: "ops@example.org",
      directory: "https://acme.test:14000/dir",
      keyType: "ec256",
      renewDays: 30,
      resolvers: [],
      provider: "linode",
      api: "",
      caFile: "/local/ca.pem",
      paths: acmePaths,
    });
  });

  test("looks twice a day, at a minute of the cluster's own", () => {
    expect(spec.variables.schedule).toMatch(/^[0-5]?[0-9] 3,15 \* \* \*$/);
    const other = acmeJob({
      settings: { ...settings, name: "prod", acme },
      ...{ program: { url: "", sha256: "" }, nodeClass: "", vaultAddress: "", vaultCaPem: "" },
    });
    expect(other.variables.schedule).not.toBe(spec.variables.schedule);
  });
});

test("its role writes what the ingress reads, its account and its last run; it reads its credential, and no more", () => {
  expect(acmePaths.certificate).toBe(`${ingressCertificate.store}/${ingressCertificate.path}`);
  expect(acmePolicy()).toBe(
    [
      'path "certificates/ingress/ingress/site" { capabilities = ["create", "read", "update"] }',
      'path "secret/data/ingress/acme/account" { capabilities = ["create", "read", "update"] }',
      'path "secret/data/ingress/acme/run" { capabilities = ["create", "read", "update"] }',
      'path "secret/data/ingress/acme/dns" { capabilities = ["read"] }',
      'path "secret/data/ingress/acme/force" { capabilities = ["read"] }',
      "",
    ].join("\n"),
  );
});

test("a TSIG key has an algorithm, whoever leaves it out", () => {
  const credential = { server: "ns1:53", keyName: "acme.", secret: "s" };
  expect(acmeCredential({ ...acme, provider: "rfc2136", credential }, undefined)).toEqual({
    ...credential,
    algorithm: "hmac-sha256.",
  });
  expect(acmeCredential(acme, undefined)).toEqual({ token: "canary-token" });
});

describe("on support", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.end());

  test.each<[string, object[], number]>([
    ["a run is begun", [], 1],
    ["a run is begun though others have ended", [{ ID: "acme/periodic-1", Status: "dead" }], 1],
    ["none is begun while one is under way", [{ ID: "acme/periodic-1", Status: "running" }], 0],
  ])("%s", async (_what, runs, begun) => {
    const { address, asked } = await stage.service(
      ({ method }): Answer => [200, method === "GET" ? runs : {}],
    );
    const input = {
      nomad: stage.access([address], "t"),
      jobId: "acme",
      namespace: "ingress",
      timeoutSeconds: 5,
    };
    expect(await run("nomad_periodic", input)).toMatchObject({ status: 0, stderr: "" });
    expect(asked[0]?.path).toBe("/v1/jobs?namespace=ingress&prefix=acme%2Fperiodic-");
    expect(asked.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual(
      Array(begun).fill("/v1/job/acme/periodic/force?namespace=ingress"),
    );
  });

  test("a leader that is lost for a moment is waited for", async () => {
    let lost = 2;
    const { address } = await stage.service(
      ({ method }): Answer => (lost-- > 0 ? [500, "No cluster leader"] : [200, method === "GET" ? [] : {}]),
    );
    const input = { jobId: "acme", namespace: "ingress", timeoutSeconds: 5 };
    const nomad = stage.access([address], "t");
    expect(await run("nomad_periodic", { ...input, nomad })).toMatchObject({ status: 0, stderr: "" });
    lost = 1000;
    const ran = await run("nomad_periodic", { ...input, nomad, timeoutSeconds: 0 });
    expect(ran.stderr).toContain("a run of job acme in namespace ingress: not so after 0 s");
  });

  const own = { cert: "own", key: "k" };
  test.each<[string, object | undefined, boolean, object | undefined]>([
    ["where there is none, the cluster's own is shown", undefined, true, own],
    ["the cluster's own is renewed", { cert: "old", key: "k" }, true, own],
    ["a public one stays", { cert: "public", key: "k", directory: "https://acme.test/dir" }, true, undefined],
    [
      "a public one goes with its job",
      { cert: "public", key: "k", directory: "https://acme.test/dir" },
      false,
      own,
    ],
  ])("%s", async (_what, shown, keepPublic, written) => {
    const answer = ({ method, path }: Asked): Answer => {
      if (path === "/v1/auth/approle/login") return [200, { auth: { client_token: "own" } }];
      if (method === "GET") return shown ? [200, { data: shown }] : [404, { errors: [] }];
      return [204];
    };
    const { address, asked } = await stage.service(answer);
    const input = {
      vault: stage.access([address]),
      login: { path: "approle", roleId: "r", secretId: "s" },
      ...{ path: acmePaths.certificate, data: own, keepPublic, timeoutSeconds: 5 },
    };
    expect(await run("vault_secret", input)).toMatchObject({ status: 0, stderr: "" });
    const puts = asked.filter(({ method }) => method === "PUT");
    expect(puts.map(({ path, token, body }) => ({ path, token, body }))).toEqual(
      written ? [{ path: "/v1/certificates/ingress/ingress/site", token: "own", body: written }] : [],
    );
  });
});
