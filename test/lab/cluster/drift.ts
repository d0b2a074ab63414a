import { describe, expect, it } from "vitest";
import { unchanged } from "../../../cli/report";
import type { Trial } from "../support/trial";

/** What somebody does by hand on machines: each thing is named, healed, and then nothing is left to tell. */
export function drift(trial: Trial): void {
  interface Told {
    machines: Record<string, { drift: { what: string; why: string; heals: boolean }[]; problem?: string }>;
  }
  const doctor = async () => {
    const { code, stdout } = await trial.cli("doctor", "--json");
    const { machines } = JSON.parse(stdout) as Told;
    const named = Object.entries(machines).flatMap(([machine, { drift, problem }]) => [
      ...drift.map(({ what, why }) => `${machine}: ${what}: ${why}`),
      ...(problem ? [`${machine}: ${problem}`] : []),
    ]);
    return { code, named: named.sort() };
  };

  describe("what was changed by hand", () => {
    it("is nothing on machines that nobody touched", async () => {
      expect(await doctor()).toEqual({ code: 0, named: [] });
    });

    it("is named, exactly", async () => {
      await Promise.all([
        trial.inside("control-a", "sed", "-i", "1i\\ ", "/etc/nomad.d/agent.json"),
        trial.inside("support-a", "chmod", "0644", "/etc/ssl/support/key.pem"),
        trial.inside("client-a", "systemctl", "stop", "nomad.service"),
        trial.inside("edge-a", "firewall-cmd", "--quiet", "--zone=hs10-support", "--remove-port=4646/tcp"),
        trial.inside("edge-a", "rm", "/etc/firewalld/zones/hs30-clients.xml"),
        trial.inside("edge-a", "/usr/sbin/nft", "flush", "table", "inet", "hashistack"),
      ]);
      expect(await doctor()).toEqual({
        code: 1,
        named: [
          expect.stringMatching(/^client-a: unit nomad\.service: it is (failed|inactive) /),
          "control-a: file /etc/nomad.d/agent.json: its content was changed",
          "edge-a: file /etc/firewalld/zones/hs30-clients.xml: it is missing",
          "edge-a: table inet hashistack: the kernel's rules are not those of /etc/hashistack/tasks.nft",
          "edge-a: zone hs10-support: at run time its ports lack 4646/tcp",
          "support-a: certificate of support: /etc/ssl/support/key.pem: its mode is 0644, not 0600",
        ],
      });
    });

    it("is healed by up --repair, the server's restart in its turn; then there is nothing more to do", async () => {
      const { code, stdout, stderr } = await trial.cli("up", "--repair", "--json");
      expect([code, stderr]).toEqual([0, expect.stringContaining("control-a nomad.service restarted")]);
      expect(unchanged((JSON.parse(stdout) as { summary: Record<string, number> }).summary)).toBe(true);
      expect(await doctor()).toEqual({ code: 0, named: [] });
      const { stdout: status } = await trial.cli("status");
      expect(status.trim().split("\n").at(-1)).toBe("Everything is as it should be.");
    });

    it("a machine that is away is told as such, and the others are looked at", async () => {
      await trial.power("stop", "client-a");
      await trial.inside("edge-a", "chmod", "0666", "/etc/consul.d/agent.json");
      const { code, named } = await doctor();
      expect(code).toBe(1);
      expect(named).toEqual([
        expect.stringMatching(/^client-a: cannot be reached: /),
        expect.stringMatching(/^edge-a: file \/etc\/consul\.d\/agent\.json: its mode is 0666, not 06?40/),
      ]);
      await trial.power("start", "client-a");
      await expect.poll(async () => (await doctor()).named.length, { timeout: 60_000 }).toBe(1);
      expect((await trial.cli("doctor", "--repair")).code).toBe(0);
      expect(await doctor()).toEqual({ code: 0, named: [] });
    });
  });
}
