import { describe, expect, it } from "vitest";
import type { Trial } from "../support/trial";

interface Found {
  files: string[];
  arguments: string[];
  environments: string[];
  modes: Record<string, string>;
}

interface StateResource {
  urn: string;
  type: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

const resourcesOf = (text: string): StateResource[] =>
  (JSON.parse(text) as { deployment: { resources: StateResource[] } }).deployment.resources;

/** How the engine marks what it has encrypted. */
const sealed = "4dabf18193072939515e22adb298388d";

/** Owner, group and mode of what must be kept, by machine. */
const modes: Record<string, Record<string, string>> = {
  "support-a": {
    "/etc/hashistack/signer": "root:signer 0750",
    "/etc/hashistack/signer/profiles.d": "root:root 0700",
    "/etc/hashistack/signer/consul.key": "root:root 0400",
    "/etc/hashistack/signer/nomad.key": "root:root 0400",
    "/etc/hashistack/signer/vault.key": "root:root 0400",
    "/etc/hashistack/signer/support.key": "root:root 0400",
    "/etc/hashistack/unsealer/secrets.json": "root:root 0400",
    "/etc/ssl/support/key.pem": "root:root 0600",
    "/etc/ssh/ssh_host_ed25519_key": "root:root 0600",
    "/etc/ssh/ssh_host_ecdsa_key": "missing",
    "/var/lib/hashistack/vault-init.json": "missing",
    "/var/lib/unsealer": "unsealer:unsealer 0700",
  },
  "control-a": {
    "/etc/consul.d/secrets.json": "root:consul 0640",
    "/etc/hashistack/leaf": "root:root 0700",
    "/etc/hashistack/leaf/consul.json": "root:root 0600",
    "/etc/nomad.d/secrets.json": "root:nomad 0640",
    "/etc/ssl/consul/key.pem": "root:consul 0640",
    "/etc/ssl/nomad/key.pem": "root:nomad 0640",
    "/etc/ssl/vault/key.pem": "root:vault 0640",
    "/etc/ssh/ssh_host_ed25519_key": "root:root 0600",
    "/etc/ssh/ssh_host_ecdsa_key": "missing",
    "/etc/vault.d/vault.json": "root:vault 0640",
    "/var/lib/consul": "consul:consul 0700",
    "/var/lib/nomad": "nomad:nomad 0700",
    "/var/lib/vault": "vault:vault 0700",
  },
  "edge-a": {
    "/etc/consul.d/secrets.json": "root:consul 0640",
    "/etc/hashistack/leaf/nomad.json": "root:root 0600",
    "/etc/nomad.d": "root:root 0700",
    "/etc/ssl/nomad/key.pem": "root:root 0600",
    "/var/lib/nomad": "root:root 0700",
  },
};

/** Where secrets lie, and where they do not. */
export function secretsAtRest(trial: Trial): void {
  describe("secrets", () => {
    /** Every secret of the stack: outputs, the seed, all private keys, and what the servers were told. */
    const secretsOf = async (): Promise<string[]> => {
      const { code, stdout } = await trial.cli(
        "exec",
        "--",
        "pulumi",
        "stack",
        "export",
        "--stack",
        "dev",
        "--show-secrets",
      );
      expect(code).toBe(0);
      const resources = resourcesOf(stdout);
      const keys = [...stdout.matchAll(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----(?:\\+n)(.+?)-----END/g)].map(
        ([, kind, text]) => {
          // The line with the private part: OpenSSH's begins like all others of its kind.
          const lines = (text as string).split(/\\+n/).filter(Boolean);
          return lines.at(kind === "OPENSSH " ? -2 : 0) as string;
        },
      );
      expect(new Set(keys).size).toBeGreaterThan(20);
      const seed = plain(resources.find(({ urn }) => urn.endsWith("::seed"))?.outputs?.result);
      const { consulToken, nomadToken, vaultLogin } = await trial.outputs();
      const outputs = [consulToken, nomadToken, vaultLogin.secretId, ...(await recoveryKeys(trial))];
      const told = JSON.parse(await trial.inside("control-a", "cat", "/etc/consul.d/secrets.json"));
      const own = [told.encrypt, ...Object.values(told.acl.tokens)] as string[];
      const all = [...new Set([seed, ...outputs, ...own, ...keys])];
      for (const secret of all) expect(secret.length).toBeGreaterThan(15);
      return all;
    };

    it("the state and its export have none in clear", async () => {
      const { code, stdout } = await trial.cli("exec", "--", "pulumi", "stack", "export", "--stack", "dev");
      expect(code).toBe(0);
      // Bundles are packed, so a secret in one would not be found by its text: they are sealed as a whole.
      const programs = resourcesOf(stdout).filter(({ type }) => type.startsWith("command:"));
      expect(programs.length).toBeGreaterThan(20);
      for (const { urn, inputs, outputs } of programs) {
        for (const value of [inputs?.stdin, outputs?.stdin])
          expect([urn, value]).toEqual([urn, expect.objectContaining({ [sealed]: expect.any(String) })]);
      }
      const secrets = await secretsOf();
      expect(secrets.length).toBeGreaterThan(20);
      expect(secrets.filter((secret) => stdout.includes(secret))).toEqual([]);
    });

    it.each(Object.keys(modes))(
      "%s keeps its files to those who need them, and tells nobody else",
      async (name) => {
        const wanted = modes[name] as Record<string, string>;
        const input = { secrets: await secretsOf(), paths: Object.keys(wanted) };
        const found = await trial.python<Found>(name, "cluster/machine/who_may_read.py", input);
        expect(found).toEqual({ files: [], arguments: [], environments: [], modes: wanted });
        const journal = await trial.inside(name, "journalctl", "--quiet", "--no-pager", "--output=cat");
        expect(journal.length).toBeGreaterThan(1000);
        expect(input.secrets.filter((secret) => journal.includes(secret))).toEqual([]);
      },
    );

    it("no root token is left in Vault", async () => {
      const { data } = await trial.ask<{ data: { keys: string[] } }>(
        "vault",
        "/v1/auth/token/accessors?list=true",
      );
      expect(data.keys.length).toBeGreaterThan(0);
      const policies = await Promise.all(
        data.keys.map(async (accessor) => {
          const path = "/v1/auth/token/lookup-accessor";
          const { status, body } = await trial.api("vault", path, { method: "POST", body: { accessor } });
          // One that ended since it was listed.
          if (status === 403 || status === 404) return [];
          return (JSON.parse(body ?? "") as { data: { policies: string[] } }).data.policies;
        }),
      );
      expect(policies.flat()).toContain("administrators");
      expect(policies.flat()).not.toContain("root");
    });

    it("the recovery keys are in the state alone", async () => {
      const keys = await recoveryKeys(trial);
      expect(keys).toHaveLength(5);
      const listed = await trial.inside("support-a", "ls", "-A", "/var/lib/hashistack");
      expect(listed).toContain("vault-init-done.json");
      expect(listed.split("\n")).not.toContain("vault-init.json");
      const done = await trial.inside("support-a", "cat", "/var/lib/hashistack/vault-init-done.json");
      for (const key of keys) expect(done).not.toContain(key);
    });
  });
}

/** `--show-secrets` shows a secret as an object with its JSON. */
function plain(value: unknown): string {
  const hidden = value as { plaintext?: string } | string | undefined;
  return typeof hidden === "string" ? hidden : (JSON.parse(hidden?.plaintext ?? '""') as string);
}

async function recoveryKeys(trial: Trial): Promise<string[]> {
  const words = ["pulumi", "stack", "output", "recoveryKeys", "--stack", "dev", "--show-secrets", "--json"];
  return JSON.parse((await trial.cli("exec", "--", ...words)).stdout) as string[];
}
