import type * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { configOf, devStack } from "../settings/stack-files";
import { bundleOf, type Deployment, deploy, inClear, opened } from "./deployment";

/** What of the dev stack is another one when a public authority signs the site's certificate. */

const acme = {
  email: "ops@example.org",
  directory: "https://acme.test:14000/dir",
  ca: "-----BEGIN CERTIFICATE-----\n",
  provider: "linode",
  credential: { token: "canary-token" },
};

let without: Deployment;
let given: Deployment;
beforeAll(async () => {
  const config = configOf(devStack);
  without = await deploy(config);
  given = await deploy({ ...config, "hashistack:acme": JSON.stringify(acme) });
}, 60_000);

const resolved = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((done) => output.apply(done));
const idsOf = ({ resources }: Deployment) => resources.map(({ id }) => id);
const one = ({ resources }: Deployment, id: string) => {
  const found = resources.find((each) => each.id === id);
  if (!found) throw new Error(`there is no ${id}`);
  return found;
};

test("a job comes with its role, its credential and its program, and nothing goes", () => {
  const [before, after] = [idsOf(without), idsOf(given)];
  expect(before.filter((id) => !after.includes(id))).toEqual([]);
  expect(after.filter((id) => !before.includes(id))).toMatchInlineSnapshot(`
    [
      "Acme acme",
      "NomadJob acme",
      "local.Command support-a-programs",
      "remote.Command acme",
      "remote.Command acme-begins",
      "remote.Command artifact-hashistack-acme",
      "vault.Policy acme",
      "vault.jwt.AuthBackendRole acme",
      "vault.kv.SecretV2 acme-dns",
    ]
  `);
});

test("with the local cloud's own server, that is the one resource more", async () => {
  const config = {
    ...configOf(devStack),
    "hashistack:acme": JSON.stringify({ email: acme.email, directory: "local" }),
  };
  const local = await deploy(config);
  expect(idsOf(local).filter((id) => !idsOf(given).includes(id))).toEqual(["local.Command acme-server"]);
  const {
    create,
    delete: end,
    stdin,
  } = opened(one(local, "local.Command acme-server").inputs) as Record<string, string>;
  expect([create, end]).toEqual(["acme", "acme-end"]);
  expect(JSON.parse(stdin ?? "")).toMatchObject({ domains: ["www.dev.test"] });
});

test("the cluster's own certificate is what is shown at first, and does not come in a public one's place", () => {
  const input = (of: Deployment) => bundleOf(one(of, "remote.Command site-shown")).input;
  expect(input(given)).toEqual({ ...input(without), keepPublic: true });
  expect(input(without)).toMatchObject({ keepPublic: false });
});

test("the credential is a secret wherever it goes, and in no job", () => {
  const all = given.resources.map(({ inputs }) => inputs);
  expect(JSON.stringify(all)).toContain("canary-token");
  expect(JSON.stringify(all.map((inputs) => inClear(inputs)))).not.toContain("canary-token");
  const job = opened(one(given, "remote.Command acme").inputs);
  expect(JSON.stringify(job)).not.toContain("canary-token");
});

test("the job comes before its first run, and that after the site answers", () => {
  const dependencies = one(given, "remote.Command acme-begins").dependencies;
  expect(dependencies).toEqual(
    expect.arrayContaining(["remote.Command acme", "remote.Command site-answers"]),
  );
});

test("the site is asked for by its name, and verified by public authorities, too", async () => {
  expect(await resolved(given.outputs.siteUrl as pulumi.Output<string>)).toBe("https://www.dev.test/");
  const { sites } = bundleOf(one(given, "remote.Command site-answers")).input as { sites: object[] };
  expect(sites).toHaveLength(2);
  for (const site of sites)
    expect(site).toMatchObject({ publicRoots: true, caPem: expect.stringContaining(acme.ca.trim()) });
});
