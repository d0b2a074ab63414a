import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { plain, planOf, privateLines, secretsOf } from "../refusals/known";
import { ours, ownersOf } from "../refusals/owners";
import type { Watch } from "../refusals/watch";
import type { StateResource, Trial } from "../support/trial";

/** See who_may_read.py. */
interface Found {
  files: string[];
  arguments: string[];
  environments: string[];
  journal: string[];
  journalBytes: number;
  modes: Record<string, string>;
  strays: string[];
  left: string[];
}

const resourcesOf = (text: string): StateResource[] =>
  (JSON.parse(text) as { deployment: { resources: StateResource[] } }).deployment.resources;

/** How the engine marks what it has encrypted. */
const sealed = "4dabf18193072939515e22adb298388d";

const recoveryKeys = (state: readonly StateResource[]) =>
  plain<string[]>(state.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs?.recoveryKeys);

/** What of the secrets a text holds. */
const shownIn = (text: string, secrets: ReadonlyMap<string, string>) =>
  [...secrets].filter(([, secret]) => text.includes(secret)).map(([what]) => what);

/**
 * Where secrets lie, and where they do not.
 * @param watch has looked at all processes during the first `up`
 */
export function secretsAtRest(trial: Trial, watch: () => Watch): void {
  describe("secrets", () => {
    let state: StateResource[];
    let secrets: Map<string, string>;
    beforeAll(async () => {
      state = await trial.state();
      secrets = secretsOf(state);
    });

    it("all of them are known here", async () => {
      const { machines } = await trial.outputs();
      const known = [...secrets.keys()];
      const wanted = [
        "seed",
        "consulToken",
        "nomadToken",
        "vaultLogin",
        "recovery key",
        "login privateKeyPem",
      ];
      expect(known).toEqual(expect.arrayContaining(wanted));
      for (const name of Object.keys(machines)) {
        expect(known, name).toContain(`${name}-host privateKeyPem`);
        expect(
          known.some((what) => what.startsWith(name) && what.includes("authKey")),
          name,
        ).toBe(true);
      }
      expect(known.length).toBeGreaterThan(10 * Object.keys(machines).length);
      // What a daemon was told is among them.
      const told = JSON.parse(await trial.inside("control-a", "cat", "/etc/consul.d/secrets.json"));
      const values = [...secrets.values()];
      expect(values).toEqual(expect.arrayContaining([told.encrypt, ...Object.values(told.acl.tokens)]));
    });

    it("no process showed one during the first up: not in its arguments, not in its environment", async () => {
      const seen = await watch().found(secrets);
      expect(seen.perSecond).toBeGreaterThan(15);
      expect(seen.processes).toBeGreaterThan(200);
      expect([seen.arguments, seen.environments]).toEqual([["argument", "machine"], ["environment"]]);
    });

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
      expect(shownIn(stdout, secrets)).toEqual([]);
    });

    it("a preview shows none, though much would change", async () => {
      const days = (leafDays: number | undefined) =>
        trial.configure((config) => {
          config["hashistack:timing"] = leafDays === undefined ? undefined : { leafDays };
          if (leafDays === undefined) delete config["hashistack:timing"];
        });
      days(29);
      const words = ["pulumi", "preview", "--diff", "--stack", "dev", "--non-interactive"];
      const { code, stdout, stderr } = await trial.cli("exec", "--", ...words);
      days(undefined);
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      expect(stdout).toContain("[secret]");
      expect(stdout).toMatch(/control-a-signer-profile/);
      expect(shownIn(stdout + stderr, secrets)).toEqual([]);
    });

    it("a machine is made with the user's public key and a throw-away host key, and nothing else is said of secrets", () => {
      const made = state.filter(({ type, inputs }) => type === "command:local:Command" && inputs?.stdin);
      expect(made.length).toBeGreaterThan(3);
      for (const { urn, inputs } of made) {
        const text = plain<string>(inputs?.stdin);
        const name = urn.slice(urn.lastIndexOf("::") + 2);
        const key = privateLines(JSON.parse(text).firstContact.hostKey)[0] ?? "";
        expect(secrets.get(`${name}-first privateKeyOpenssh`)).toBe(key);
        expect(shownIn(text, secrets)).toEqual([`${name}-first privateKeyOpenssh`]);
      }
      const told = notesOf(join("/var/lib/hashistack-lab", trial.lab.name));
      expect(told.length).toBeGreaterThan(100);
      expect(shownIn(told, secrets)).toEqual([]);
    });

    it("each machine keeps its files to those who need them, and tells nobody else", async () => {
      const { machines } = await trial.outputs();
      const members = Object.values(machines).flatMap(({ id, roles }) =>
        roles.includes("support") ? [] : [id],
      );
      const looks = Object.keys(machines).map(async (name) => {
        const wanted = ownersOf(planOf(state, name), members);
        const found = await trial.python<Found>(name, "cluster/machine/who_may_read.py", {
          ...{ secrets: Object.fromEntries(secrets), paths: Object.keys(wanted), ours },
          gone: [secrets.get(`${name}-first privateKeyOpenssh`)],
        });
        return { name, wanted, found };
      });
      for (const { name, wanted, found } of await Promise.all(looks)) {
        expect({ name, ...found }).toEqual({
          ...{
            name,
            files: [],
            arguments: [],
            environments: [],
            journal: [],
            modes: wanted,
            strays: [],
            left: [],
          },
          journalBytes: expect.any(Number),
        });
        expect(found.journalBytes).toBeGreaterThan(1000);
      }
    });

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
      const keys = recoveryKeys(state);
      expect(keys).toHaveLength(5);
      const listed = await trial.inside("support-a", "ls", "-A", "/var/lib/hashistack");
      expect(listed).toContain("vault-init-done.json");
      expect(listed.split("\n")).not.toContain("vault-init.json");
      const done = await trial.inside("support-a", "cat", "/var/lib/hashistack/vault-init-done.json");
      for (const key of keys) expect(done).not.toContain(key);
    });
  });
}

/**
 * The last look: what the command line has said in all of this, also where it failed.
 * @param trial after everything else, while the stack still is there
 */
export function secretsSaid(trial: Trial): void {
  it("the command line has said no secret, and has said much", async () => {
    const secrets = secretsOf(await trial.state());
    const said = trial.said.join("\n");
    expect(said).toContain("phase checks");
    expect(said.length).toBeGreaterThan(2000);
    expect(shownIn(said, secrets)).toEqual([]);
  });
}

/** What the lab wrote down of its machines: everything but their disks. */
function notesOf(folder: string): string {
  return readdirSync(folder)
    .map((name) => {
      const path = join(folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found?.isFile()) return readFileSync(path, "utf8");
      return found?.isDirectory() && !["root", "upper", "work"].includes(name) ? notesOf(path) : "";
    })
    .join("\n");
}
