import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PluginUnderTest, type Values } from "./plugin-under-test";
import { type EmulatedVault, type Fault, startEmulatedVault } from "./vault-emulator";
import { login, POLICY, prepareLogin, providerConfig, SECRET, vaultContract } from "./vault-suite";

vaultContract("an emulated server", startEmulatedVault);

describe("vault plugin when Vault falters", () => {
  let vault: EmulatedVault;

  beforeAll(async () => {
    vault = await startEmulatedVault();
    await prepareLogin(vault);
  });

  afterAll(() => vault.stop());

  /** Runs with a plugin of its own, and answers what it sent besides. */
  async function withPlugin<T>(
    work: (plugin: PluginUnderTest) => Promise<T>,
    config: Values = {},
  ): Promise<T> {
    const plugin = await PluginUnderTest.start("vault", providerConfig(vault, config));
    try {
      return await work(plugin);
    } finally {
      await plugin.stop();
    }
  }

  const policy = (name: string) => ({ name, policy: 'path "a" {}' });
  const noLeader: Fault = {
    status: 500,
    errors: ["local node not active but active cluster node not found"],
  };

  it.concurrent.each<[string, Fault]>([
    ["an answer without a leader", noLeader],
    ["a sealed member", { status: 503, errors: ["Vault is sealed"] }],
    ["too many requests", { status: 429, errors: ["request path: rate limit quota exceeded"] }],
    ["a lost connection", "disconnect"],
  ])("tries again after %s", async (what, fault) => {
    await withPlugin(async (plugin) => {
      const name = what.replaceAll(" ", "-");
      vault.fail(`sys/policies/acl/${name}`, [fault]);
      const made = await plugin.make(POLICY, policy(name));
      expect(made.id).toBe(name);
      await plugin.delete(POLICY, made);
    });
  });

  it("gives up after maxRetries, with Vault's words", async () => {
    await withPlugin(
      async (plugin) => {
        const before = vault.requests.length;
        vault.fail("sys/policies/acl/leaderless", [noLeader, noLeader]);
        const making = plugin.make(POLICY, policy("leaderless"));
        await expect(making).rejects.toThrow(/active cluster node not found/);
        const tries = vault.requests.slice(before).filter((one) => one.includes("leaderless"));
        expect(tries).toHaveLength(2);
      },
      { maxRetries: "1" },
    );
  });

  it("does not try again what Vault refuses for good", async () => {
    await withPlugin(async (plugin) => {
      const before = vault.requests.length;
      await expect(plugin.make(POLICY, { name: "bad", policy: "path {" })).rejects.toThrow(/parse/);
      expect(vault.requests.slice(before).filter((one) => one.includes("acl/bad"))).toHaveLength(1);
    });
  });

  it("waits for a key-value mount that is still being upgraded", async () => {
    await withPlugin(async (plugin) => {
      await plugin.make("vault:index/mount:Mount", { path: "kv", type: "kv", options: { version: "2" } });
      const words =
        "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief";
      const upgrading = { status: 400, errors: [words] };
      // More often than maxRetries.
      vault.fail("kv/data/", [upgrading, upgrading, upgrading, upgrading]);
      const made = await plugin.make(SECRET, { mount: "kv", name: "a", dataJson: "{}" });
      expect(made.id).toBe("kv/data/a");
    });
  });

  it("asks for one login alone, though it is refused, whatever number of resources wait for it", async () => {
    const wrong = login({ role_id: "contract-role-id", secret_id: "wrong" });
    await withPlugin(
      async (plugin) => {
        const before = vault.requests.length;
        const making = ["a", "b", "c"].map((name) => plugin.make(POLICY, policy(name)));
        for (const one of await Promise.allSettled(making)) expect(one.status).toBe("rejected");
        if (plugin.official) return;
        const logins = vault.requests.slice(before).filter((one) => one.endsWith("/login"));
        expect(logins).toHaveLength(1);
      },
      { authLogin: wrong },
    );
  });

  it("blanks out secrets that an answer repeats", async () => {
    await withPlugin(async (plugin) => {
      if (plugin.official) return;
      vault.fail("kv/data/echo", [{ status: 400, errors: ["cannot store correct-horse-battery"] }]);
      const making = plugin.make(SECRET, {
        mount: "kv",
        name: "echo",
        dataJson: '{"p":["correct-horse-battery"]}',
      });
      await expect(making).rejects.toThrow(/kv\/data\/echo: 400, cannot store …/);
    });
  });

  it("ends an operation whose time is over", async () => {
    await withPlugin(
      async (plugin) => {
        vault.fail("sys/policies/acl/slow", Array<Fault>(50).fill(noLeader));
        await expect(plugin.make(POLICY, policy("slow"), { timeout: 1 })).rejects.toThrow(
          /timed out|deadline/,
        );
      },
      { maxRetries: "50" },
    );
  });
});

describe("vault provider configuration", () => {
  const base: Values = {
    address: "https://127.0.0.1:1",
    token: "hvs.a-token",
    skipChildToken: "true",
    maxLeaseTtlSeconds: "1200",
    maxRetries: "2",
  };

  it.each<[string, Values, RegExp]>([
    ["skipTlsVerify", { skipTlsVerify: "true" }, /skipTlsVerify/],
    ["another login", { authLoginUserpass: '{"username":"a"}' }, /authLoginUserpass/],
    ["a namespace", { namespace: "a" }, /namespace/],
    ["an address without TLS", { address: "http://127.0.0.1:1" }, /address must be an https/],
    ["an address with a path", { address: "https://127.0.0.1:1/v1" }, /https:\/\/host:port/],
    ["a child token", { skipChildToken: "false" }, /skipChildToken must be true/],
    ["a login with a method", { authLogin: '{"path":"auth/a/login","method":"aws"}' }, /authLogin\.method/],
    ["what nobody knows", { surprise: "x" }, /surprise/],
    ["neither token nor login", { token: undefined }, /token or an authLogin/],
  ])("refuses %s", async (_what, change, message) => {
    if (process.env.HASHISTACK_CONTRACT_VAULT !== undefined) return;
    const config = Object.fromEntries(
      Object.entries({ ...base, ...change }).filter(([, value]) => value !== undefined),
    );
    // Started without one, since a configuration that is refused leaves no plugin behind to stop.
    const plugin = await PluginUnderTest.start("vault", base);
    try {
      await expect(plugin.configure(config)).rejects.toThrow(message);
    } finally {
      await plugin.stop();
    }
  });
});
