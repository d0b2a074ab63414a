import { expect, it } from "vitest";
import { run } from "../../../bench/run";
import type { Trial } from "../support/trial";

/** The command line as a user types it. Its `status` is also looked at where something is wrong: see broken.ts. */
export function commandLine(trial: Trial): void {
  it("exec gives consul, nomad, vault, curl and pulumi all they need, and their exit codes", async () => {
    const { machines } = await trial.outputs();
    const said = async (...words: string[]) => {
      const { code, stdout, stderr } = await trial.cli("exec", "--", ...words);
      expect([words.join(" "), code, stderr]).toEqual([words.join(" "), 0, expect.any(String)]);
      return stdout;
    };
    const [nodes, members, vault, leader, stacks] = await Promise.all([
      said("nomad", "node", "status", "-verbose"),
      said("consul", "members"),
      said("vault", "secrets", "list"),
      said("sh", "-c", "curl -sS https://$NOMAD_TLS_SERVER_NAME:4646/v1/status/leader"),
      said("pulumi", "stack", "ls", "--json"),
    ]);
    for (const { id, roles } of Object.values(machines)) {
      if (roles.includes("nomad-client")) expect(nodes).toContain(id);
      if (!roles.includes("support")) expect(members).toContain(id);
    }
    expect(vault).toMatch(/^secret\/ +kv/m);
    expect(leader).toMatch(/^"\[fd00:1ab::\w+\]:4647"$/);
    expect(JSON.parse(stacks)).toMatchObject([{ name: "dev" }]);
    expect((await trial.cli("exec", "--", "nomad", "node", "status", "nobody")).code).toBe(1);
  });

  it("env gives a shell the same", async () => {
    const { code, stdout } = await trial.cli("env");
    expect(code).toBe(0);
    const out = await run(["sh", "-s"], {
      what: "a shell",
      input: `${stdout}\nnomad server members -json >/dev/null && consul operator raft list-peers && vault token lookup`,
      cwd: trial.folder,
      env: { PATH: process.env.PATH },
    });
    expect(out).toMatch(/leader +true/);
    expect(out).toMatch(/policies +\[administrators/);
  });

  it("ssh reaches support and, through it, the others, and gives the command's exit code", async () => {
    await Promise.all(
      ["support-a", "control-b", "edge-a"].map(async (name) => {
        const said = `${await trial.cloudName(name)}\n`;
        expect(await trial.cli("ssh", name, "--", "hostname")).toMatchObject({ code: 0, stdout: said });
      }),
    );
    expect((await trial.cli("ssh", "support", "--", "exit 7")).code).toBe(7);
    const nobody = await trial.cli("ssh", "nobody");
    expect(nobody).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is no machine "nobody"/) });
  });

  it("status tells a person the same as a program", async () => {
    const { code, stdout } = await trial.cli("status");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n").at(-1)).toBe("Everything is as it should be.");
    for (const word of ["Consul", "Nomad", "Vault", "ingress/ingress", "website/website", "days left"]) {
      expect(stdout).toContain(word);
    }
  });
}
