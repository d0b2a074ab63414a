import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, type Asked, atOnce, type Ran, run, Stage } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const keys = ["key-1", "key-2", "key-3"];
const root = "hvs.the-root-token";
const appRole = {
  path: "approle",
  role: "pulumi",
  roleId: "role-id",
  secretId: "secret-id",
  policies: ["admin"],
  boundCidrs: ["fd00:1ab::2/128"],
};

/** Vault as it is from its first start until the stack can log in. */
class FakeVault {
  initialised = false;
  rootRevoked = false;
  /** The nth write with the root token is not answered. */
  cutAtWrite = 0;
  writes = 0;
  inits = 0;
  readonly auth = new Set<string>();
  readonly audit: Record<string, unknown> = {};
  readonly policies: Record<string, unknown> = {};
  role: Record<string, unknown> | undefined;
  roleId: string | undefined;
  secretIds: string[] = [];

  readonly answer = ({ method, path, token, body }: Asked): Answer => {
    const sent = (body ?? {}) as Record<string, string>;
    if (path === "/v1/sys/init") {
      if (method === "GET") return [200, { initialized: this.initialised }];
      if (this.initialised) return [400, "Vault is already initialized"];
      this.initialised = true;
      this.inits += 1;
      return [200, { recovery_keys_base64: keys, root_token: root }];
    }
    if (path === "/v1/sys/leader") return [200, { leader_address: this.initialised ? "https://a" : "" }];
    if (path === "/v1/auth/approle/login") {
      const known = this.roleId === sent.role_id && this.secretIds.includes(sent.secret_id ?? "");
      return known ? [200, { auth: { client_token: "short-lived" } }] : [400, "invalid role or secret ID"];
    }
    if (this.rootRevoked || token !== root) return [403, "permission denied"];
    if (method !== "GET" && ++this.writes === this.cutAtWrite) return "hang up";
    if (path === "/v1/auth/token/lookup-self") return [200, {}];
    if (path === "/v1/auth/token/revoke-self") {
      this.rootRevoked = true;
      return [204];
    }
    if (path === "/v1/sys/auth")
      return [200, { data: Object.fromEntries([...this.auth].map((a) => [a, {}])) }];
    if (path === "/v1/sys/auth/approle") {
      if (this.auth.has("approle/")) return [400, "path is already in use"];
      this.auth.add("approle/");
      return [204];
    }
    if (path.startsWith("/v1/sys/policies/acl/")) {
      this.policies[path.split("/").pop() as string] = sent.policy;
      return [204];
    }
    if (path.endsWith("/role-id")) {
      this.roleId = sent.role_id;
      return [204];
    }
    if (path.endsWith("/secret-id/lookup")) {
      return this.secretIds.includes(sent.secret_id ?? "") ? [200, { data: {} }] : [204];
    }
    if (path.endsWith("/custom-secret-id")) {
      if (this.secretIds.includes(sent.secret_id ?? "")) return [500, "SecretID is already registered"];
      this.secretIds.push(sent.secret_id ?? "");
      return [200, {}];
    }
    if (path === "/v1/auth/approle/role/pulumi") {
      this.role = sent;
      return [204];
    }
    if (path === "/v1/sys/audit") return [200, { data: this.audit }];
    const device = /^\/v1\/sys\/audit\/(\w+)$/.exec(path)?.[1];
    if (device) {
      this.audit[`${device}/`] = sent;
      return [204];
    }
    if (path === "/v1/sys/storage/raft/autopilot/configuration") return [204];
    return [404, `no route ${method} ${path}`];
  };
}

const state = () => join(stage.folder, "state");
const file = (name: string) => join(state(), name);

async function init(vault: FakeVault, modules: Record<string, string> = { detached: atOnce }): Promise<Ran> {
  const { address } = await stage.service(vault.answer);
  const input = {
    vault: stage.access([address]),
    recoveryShares: 3,
    recoveryThreshold: 2,
    policies: { admin: "rules" },
    appRole,
    auditFile: "/var/log/vault/audit.log",
    state: state(),
    timeoutSeconds: 1,
  };
  return run("vault_init", input, { modules });
}

const forget = () => run("vault_init_forget", { state: state() });

test("Vault is initialised, set up, and its root token gone", async () => {
  const vault = new FakeVault();
  const ran = await init(vault);
  expect(JSON.parse(ran.stdout)).toEqual({ recoveryKeys: keys });
  expect(vault).toMatchObject({ inits: 1, rootRevoked: true, secretIds: ["secret-id"], roleId: "role-id" });
  expect(vault.role).toMatchObject({
    token_bound_cidrs: appRole.boundCidrs,
    secret_id_bound_cidrs: appRole.boundCidrs,
    token_policies: ["admin"],
  });
  // Where one cannot be written to, the other can.
  expect(vault.audit).toMatchObject({
    "file/": { type: "file", options: { file_path: "/var/log/vault/audit.log", mode: "0600" } },
    "journal/": { type: "file", options: { file_path: "stdout" } },
  });
  expect(readFileSync(file("vault-init.json"), "utf8")).not.toContain(root);
  expect(statSync(file("vault-init.json")).mode & 0o777).toBe(0o400);
  expect(ran.stderr).not.toContain(root);
});

test("a run after it changes nothing and gives the same keys", async () => {
  const vault = new FakeVault();
  const first = await init(vault);
  const { writes } = vault;
  expect((await init(vault)).stdout).toBe(first.stdout);
  expect(vault).toMatchObject({ inits: 1, writes });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])(
  "cut at write %i of its set-up, the next run takes it up",
  async (cut) => {
    const vault = new FakeVault();
    vault.cutAtWrite = cut;
    await init(vault);
    expect(vault.writes).toBeGreaterThanOrEqual(cut);
    const again = await init(vault);
    expect(again.stderr).toBe("");
    expect(JSON.parse(again.stdout)).toEqual({ recoveryKeys: keys });
    expect(vault).toMatchObject({ inits: 1, rootRevoked: true, secretIds: ["secret-id"] });
    expect(readFileSync(file("vault-init.json"), "utf8")).not.toContain(root);
  },
);

test("cut after the root token was revoked, the next run finds all done", async () => {
  const vault = new FakeVault();
  await init(vault);
  const before = JSON.stringify({ recoveryKeys: keys, rootToken: root });
  rmSync(state(), { recursive: true });
  mkdirSync(state());
  writeFileSync(file("vault-init.json"), before);
  const ran = await init(vault);
  expect(JSON.parse(ran.stdout)).toEqual({ recoveryKeys: keys });
  expect(readFileSync(file("vault-init.json"), "utf8")).not.toContain(root);
});

test("an answer that was lost is told of, with what to do, and nothing is initialised again", async () => {
  const vault = new FakeVault();
  vault.initialised = true;
  const ran = await init(vault);
  expect(ran.stderr).toMatch(/is initialised, but its answer was lost .* empty \/var\/lib\/vault/);
  expect(vault.inits).toBe(0);
});

test("a Vault in use, whose keys another run has, is never called lost", async () => {
  const vault = new FakeVault();
  vault.initialised = true;
  vault.roleId = appRole.roleId;
  vault.secretIds = [appRole.secretId];
  const ran = await init(vault);
  expect(ran.stderr).toContain(
    "was initialised and set up before; its recovery keys are in the state of the stack",
  );
  expect(ran.stderr).not.toContain("empty");
});

test("a Vault that does not answer is told of with the unit's log", async () => {
  const detached = atOnce.replace("getattr(program, verb)(given)", "pass");
  const ran = await init(new FakeVault(), { detached });
  expect(ran.stderr).toMatch(/Vault: initialised: not so after 1 s; last seen: .* initialised: False/);
  expect(ran.stderr).toContain("| journal of hashistack-vault-init");
});

test("the keys leave the machine, but not before the set-up is done", async () => {
  mkdirSync(state());
  writeFileSync(file("vault-init.json"), JSON.stringify({ recoveryKeys: keys }));
  expect((await forget()).stderr).toContain("Vault's set-up is not done; its answer to init stays");
  expect(existsSync(file("vault-init.json"))).toBe(true);
  writeFileSync(file("vault-init-done.json"), "{}");
  expect((await forget()).status).toBe(0);
  expect(existsSync(file("vault-init.json"))).toBe(false);
  expect((await forget()).status).toBe(0);
});

test("run again when the keys are gone, it says where they are", async () => {
  const vault = new FakeVault();
  await init(vault);
  await forget();
  expect((await init(vault)).stderr).toContain("its recovery keys have been taken off this machine");
});
