import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plain, secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";
import { type KindCase, kindCases } from "./vault-kinds";
import { admin, makeTestCa, serveKeySet, type TestCa, type VaultTarget } from "./vault-target";

export const MOUNT = "vault:index/mount:Mount";
export const POLICY = "vault:index/policy:Policy";
export const SECRET = "vault:kv/secretV2:SecretV2";
export const JWT = "vault:jwt/authBackend:AuthBackend";

const roleId = "contract-role-id";
const secretId = "contract-secret-id-0123456789";

/** The provider's configuration as the SDK sends it: everything but texts as JSON. */
export function providerConfig(target: VaultTarget, more: Values = {}): Values {
  return {
    address: target.address,
    caCertFile: target.caCertFile,
    tlsServerName: target.tlsServerName,
    authLogin: secret(login({ role_id: roleId, secret_id: secretId })),
    skipChildToken: "true",
    maxLeaseTtlSeconds: "1200",
    maxRetries: "2",
    ...more,
  };
}

export function login(parameters: Record<string, string>): string {
  return JSON.stringify({ path: "auth/contract/login", parameters });
}

/** Makes the AppRole that the plugin logs in with, as a cluster's bootstrap does. */
export async function prepareLogin(target: VaultTarget): Promise<void> {
  const { ask } = admin(target);
  const all = ["create", "read", "update", "delete", "list", "sudo"];
  const policy = `path "*" { capabilities = ${JSON.stringify(all)} }`;
  const steps: [string, Values][] = [
    ["sys/policies/acl/contract", { policy }],
    ["sys/auth/contract", { type: "approle" }],
    ["auth/contract/role/plugin", { token_policies: ["contract"], token_ttl: 3600 }],
    ["auth/contract/role/plugin/role-id", { role_id: roleId }],
    ["auth/contract/role/plugin/custom-secret-id", { secret_id: secretId }],
  ];
  for (const [path, body] of steps) {
    const { status } = await ask("POST", path, body);
    if (status >= 300) throw new Error(`${path}: ${status}`);
  }
}

/** The contract of the plugin `vault`, tried on a Vault. */
export function vaultContract(on: string, start: () => Promise<VaultTarget>): void {
  describe(`vault plugin on ${on}`, () => {
    let target: VaultTarget;
    let plugin: PluginUnderTest;
    let ask: ReturnType<typeof admin>["ask"];
    let ca: TestCa;
    let keySet: Awaited<ReturnType<typeof serveKeySet>>;

    beforeAll(async () => {
      target = await start();
      ask = admin(target).ask;
      await prepareLogin(target);
      ca = await makeTestCa("localhost");
      keySet = await serveKeySet(ca);
      plugin = await PluginUnderTest.start("vault", providerConfig(target));
    });

    afterAll(async () => {
      await plugin?.stop();
      keySet?.server.close();
      ca?.remove();
      await target?.stop();
    });

    const tokens = async () => {
      const { data } = await ask("GET", "auth/token/accessors?list=true");
      return (data as { keys: string[] }).keys.length;
    };

    it("logs in when first needed, and once", async () => {
      const before = await tokens();
      const another = await PluginUnderTest.start("vault", providerConfig(target));
      try {
        const inputs = await another.checked(POLICY, { name: "once", policy: 'path "a" {}' });
        await another.create(POLICY, inputs, { preview: true });
        expect(await tokens()).toBe(before);
        const names = ["once-1", "once-2", "once-3", "once-4"];
        const made = await Promise.all(
          names.map((name) => another.make(POLICY, { name, policy: 'path "a" {}' })),
        );
        expect(await tokens()).toBe(before + 1);
        await Promise.all(made.map((one) => another.delete(POLICY, one)));
      } finally {
        await another.stop();
      }
    });

    it("takes a configuration that is not known yet, and calls nobody with it", async () => {
      const another = await PluginUnderTest.start("vault", providerConfig(target, { address: UNKNOWN }));
      try {
        const inputs = await another.checked(POLICY, { name: "later", policy: UNKNOWN });
        const { properties } = await another.create(POLICY, inputs, { preview: true });
        expect(properties).toMatchObject({ name: "later", policy: UNKNOWN });
        if (!another.official) await expect(another.create(POLICY, inputs)).rejects.toThrow(/not known yet/);
      } finally {
        await another.stop();
      }
    });

    describe.each(kindCases())("$token", (kind: KindCase) => {
      const setUp = async () => {
        for (const [path, body] of kind.needs ?? []) await ask("POST", path, body);
      };
      const tearDown = async () => {
        for (const [path] of kind.needs ?? []) await ask("DELETE", path);
      };

      it("creates, reads, updates and deletes", async () => {
        await setUp();
        try {
          const made = await plugin.make(kind.token, kind.inputs);
          expect(made.id).toBe(kind.id);
          expect((await ask("GET", kind.path)).data).toMatchObject(kind.there);
          const none = await plugin.diff(kind.token, made.id, made.properties, made.inputs, made.inputs);
          expect(none).toMatchObject({ changed: false, replaces: [] });
          const read = await plugin.read(kind.token, made.id, made.properties, made.inputs);
          expect(plain(read.inputs)).toEqual(plain(made.inputs));
          expect(plain(read.properties)).toEqual(plain(made.properties));

          if (kind.change !== undefined && kind.thereAfter !== undefined) {
            const news = await plugin.checked(kind.token, kind.change);
            const diff = await plugin.diff(kind.token, made.id, made.properties, made.inputs, news);
            expect(diff).toMatchObject({ changed: true, replaces: [] });
            const properties = await plugin.update(kind.token, made, news);
            expect((await ask("GET", kind.path)).data).toMatchObject(kind.thereAfter);
            const again = await plugin.read(kind.token, made.id, properties, news);
            expect(plain(again.inputs)).toEqual(plain(news));
          }

          await plugin.delete(kind.token, made);
          const gone = await plugin.read(kind.token, made.id, made.properties, made.inputs);
          expect(gone.id).toBe("");
          await plugin.delete(kind.token, made);
        } finally {
          await tearDown();
        }
      });

      it("is replaced where the official provider replaces", async () => {
        const inputs = await plugin.checked(kind.token, kind.inputs);
        for (const [property, change] of Object.entries(kind.replaces)) {
          const news = await plugin.checked(kind.token, { ...kind.inputs, [property]: change });
          const diff = await plugin.diff(kind.token, kind.id, inputs, inputs, news);
          expect(diff.replaces).toEqual([property]);
        }
      });

      it("refuses what it does not implement, by name", async () => {
        if (plugin.official) return;
        for (const property of ["namespace", "surprise"]) {
          const { failures } = await plugin.check(kind.token, { ...kind.inputs, [property]: "x" });
          expect(failures).toHaveLength(1);
          expect(failures[0].reason).toContain(property);
        }
      });
    });

    it("keeps a secret's data secret, and keeps or destroys its versions as told", async () => {
      await ask("POST", "sys/mounts/versions", { type: "kv", options: { version: "2" } });
      const of = (more: Values) => ({
        mount: "versions",
        name: "a/b",
        dataJson: secret('{"password":"very secret"}'),
        ...more,
      });
      const made = await plugin.make(SECRET, of({}));
      expect(secretIn(made.properties, "dataJson")).toBe(true);
      expect(made.properties.metadata).toMatchObject({ version: "1", destroyed: "false" });
      expect(JSON.stringify({ ...made.properties, dataJson: 0 })).not.toContain("very secret");
      await plugin.delete(SECRET, made);
      expect((await ask("GET", "versions/metadata/a/b")).status).toBe(200);
      const wholly = await plugin.make(SECRET, of({ deleteAllVersions: true }));
      await plugin.delete(SECRET, wholly);
      expect((await ask("GET", "versions/metadata/a/b")).status).toBe(404);
      await ask("DELETE", "sys/mounts/versions");
    });

    it("writes into a mount as soon as that is there", async () => {
      const mount = await plugin.make(MOUNT, { path: "fresh", type: "kv", options: { version: "2" } });
      const made = await plugin.make(SECRET, { mount: "fresh", name: "a", dataJson: '{"b":1}' });
      expect((await ask("GET", "fresh/data/a")).data?.data).toEqual({ b: 1 });
      await plugin.delete(SECRET, made);
      await plugin.delete(MOUNT, mount);
    });

    it("sees what was changed behind its back", async () => {
      const made = await plugin.make(POLICY, { name: "drift", policy: 'path "a" {}' });
      await ask("PUT", "sys/policies/acl/drift", { policy: 'path "b" {}' });
      const read = await plugin.read(POLICY, made.id, made.properties, made.inputs);
      expect(read.inputs.policy).toBe('path "b" {}');
      await plugin.delete(POLICY, made);
    });

    it("trusts Nomad's keys by their URL and CA", async () => {
      const inputs = {
        path: "nomad",
        jwksUrl: keySet.url,
        jwksCaPem: keySet.caPem,
        jwtSupportedAlgs: ["RS256"],
      };
      const made = await plugin.make(JWT, inputs);
      const { data } = await ask("GET", "auth/nomad/config");
      expect(data).toMatchObject({ jwks_url: keySet.url, jwt_supported_algs: ["RS256"] });
      const read = await plugin.read(JWT, made.id, made.properties, made.inputs);
      expect(plain(read.inputs)).toEqual(plain(made.inputs));
      await plugin.delete(JWT, made);
    });

    it("leaves no auth method behind whose keys cannot be read", async () => {
      const inputs = { path: "broken", jwksUrl: "https://127.0.0.1:1/keys" };
      await expect(plugin.make(JWT, inputs)).rejects.toThrow(/error checking jwks URL/);
      if (!plugin.official) expect((await ask("GET", "sys/mounts/auth/broken")).status).toBe(400);
    });

    it("refuses what would move or break a mount", async () => {
      if (plugin.official) return;
      const made = await plugin.make(MOUNT, { path: "stays", type: "kv" });
      const news = await plugin.checked(MOUNT, { path: "moves", type: "kv" });
      const moving = plugin.diff(MOUNT, made.id, made.properties, made.inputs, news);
      await expect(moving).rejects.toThrow(/path cannot change from stays/);
      await plugin.delete(MOUNT, made);
      for (const keys of [{}, { jwksUrl: keySet.url, jwtValidationPubkeys: ["x"] }]) {
        const { failures } = await plugin.check(JWT, { path: "keys", ...keys });
        expect(failures.map(({ reason }) => reason).join()).toMatch(/either jwksUrl or jwtValidationPubkeys/);
      }
    });

    describe("errors", () => {
      const failing = async (work: Promise<unknown>): Promise<string> =>
        work.then(
          () => "no error",
          (error: Error) => error.message,
        );

      it("hold Vault's words and the path", async () => {
        const message = await failing(plugin.make(POLICY, { name: "wrong", policy: "path a {" }));
        expect(message).toMatch(/sys\/policies\/acl\/wrong.*failed to parse policy/s);
        const taken = await plugin.make(MOUNT, { path: "taken", type: "kv" });
        const twice = await failing(plugin.make(MOUNT, { path: "taken", type: "kv" }));
        expect(twice).toMatch(/path is already in use at taken\//);
        await plugin.delete(MOUNT, taken);
        const nowhere = { mount: "nowhere", name: "a", dataJson: secret('{"b":"a secret value"}') };
        const message2 = await failing(plugin.make(SECRET, nowhere));
        expect(message2).toMatch(/nowhere\/data\/a/);
        expect(message2).not.toContain("a secret value");
      });

      const broken: [string, Values, RegExp][] = [
        [
          "a wrong secret id",
          { authLogin: login({ role_id: roleId, secret_id: "wrong-secret-id" }) },
          /auth\/contract\/login.*invalid/s,
        ],
        ["a wrong token", { authLogin: undefined, token: "hvs.wrong-token" }, /permission denied/],
        [
          "a name that the certificate is not for",
          { tlsServerName: "elsewhere.consul" },
          /certificate|altnames/i,
        ],
        ["a CA that did not sign", { caCertFile: "OTHER" }, /certificate|authority/i],
        ["a CA file that is missing", { caCertFile: "/nonexistent/ca.pem" }, /\/nonexistent\/ca\.pem/],
      ];
      it.each(broken)("say what is wrong: %s", async (_what, change, expected) => {
        const config = providerConfig(target, change);
        if (config.caCertFile === "OTHER") config.caCertFile = ca.caFile;
        for (const name of Object.keys(config)) if (config[name] === undefined) delete config[name];
        const another = await PluginUnderTest.start("vault", config);
        try {
          const message = await failing(another.make(POLICY, { name: "no", policy: 'path "a" {}' }));
          expect(message).toMatch(expected);
          for (const value of ["wrong-secret-id", "hvs.wrong-token", secretId]) {
            expect(message).not.toContain(value);
          }
        } finally {
          await another.stop();
        }
      });
    });
  });
}
