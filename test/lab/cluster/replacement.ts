import { describe, expect, it } from "vitest";
import { unchanged } from "../../../cli/report";
import { type Trial, until } from "../support/trial";

/** Machines lost for good, with their disks, and machines made anew while they live. */
export function replacement(trial: Trial): void {
  const lose = async (machine: string): Promise<string> => {
    const name = await trial.cloudName(machine);
    await trial.destroyMachine(name);
    return name;
  };
  const site = async () => {
    const { loadBalancers, ca, siteUrl } = await trial.outputs();
    const { hostname } = new URL(siteUrl ?? "");
    expect(loadBalancers.map(({ address }) => address)).toContain(hostname);
    const [answer] = await trial.request("", [
      { host: hostname, port: 443, ca: ca.site as string, serverName: hostname },
    ]);
    return answer?.status;
  };
  const replaceUp = async (...words: string[]) => {
    const { code, stderr } = await trial.cli(...words, "--json");
    if (code !== 0) throw new Error(stderr);
    trial.forget();
    return stderr;
  };
  const keys = async () => {
    const words = ["stack", "output", "recoveryKeys", "--show-secrets", "--json"];
    return JSON.parse((await trial.cli("exec", "--", "pulumi", ...words)).stdout) as string[];
  };
  /** Names of the servers that vote, by service. */
  const voters = async () => {
    const raft = async (service: "consul" | "nomad") =>
      (
        await trial.ask<{ Servers: { Node: string; Voter: boolean }[] }>(
          service,
          "/v1/operator/raft/configuration",
        )
      ).Servers.filter(({ Voter }) => Voter)
        .map(({ Node }) => Node.replace(/\.global$/, ""))
        .sort();
    const vault = await trial.ask<{ data: { config: { servers: { node_id: string; voter: boolean }[] } } }>(
      "vault",
      "/v1/sys/storage/raft/configuration",
    );
    return {
      consul: await raft("consul"),
      nomad: await raft("nomad"),
      vault: vault.data.config.servers
        .filter(({ voter }) => voter)
        .map(({ node_id }) => node_id)
        .sort(),
    };
  };
  const votersAreTheMachines = async () => {
    const machines = ["control-a", "control-b", "control-c"];
    const names = (await Promise.all(machines.map((name) => trial.cloudName(name)))).sort();
    await until("only the present servers voting", 180, async () => {
      const now = await voters();
      const right = [now.consul, now.nomad, now.vault].every(
        (service) => JSON.stringify(service) === JSON.stringify(names),
      );
      if (!right) throw new Error(JSON.stringify(now));
      return true;
    });
  };
  const healthy = () =>
    until("status without a complaint", 120, async () => {
      const { code, stdout } = await trial.cli("status");
      if (code !== 0) throw new Error(stdout);
      return true;
    });

  describe("made anew", () => {
    it("support, lost with its disk: nobody notices, the next up rebuilds it, and Vault unseals by it", async () => {
      const recoveryKeys = await keys();
      const gone = await lose("support-a");
      expect(await site()).toBe(200);
      expect(await replaceUp("up")).toContain("Replacing support-a.");
      expect(await trial.cloudName("support-a")).not.toBe(gone);
      expect(await keys()).toEqual(recoveryKeys);
      await trial.inside("control-a", "systemctl", "restart", "vault.service");
      await healthy();
      expect(unchanged((await trial.up()).summary)).toBe(true);
    });

    it("a server, lost with its disk: its successor votes, and it is forgotten everywhere", async () => {
      const gone = await lose("control-a");
      expect(await replaceUp("up")).toContain("Replacing control-a.");
      expect(await trial.cloudName("control-a")).not.toBe(gone);
      await votersAreTheMachines();
      await healthy();
      expect(unchanged((await trial.up()).summary)).toBe(true);
      const left = await trial.ask<{ Node: string }[]>("consul", "/v1/catalog/nodes");
      expect(left.map(({ Node }) => Node)).not.toContain(gone);
    });

    it("issuing authorities: every daemon serves a leaf of the new one, under the same root", async () => {
      const { ca } = await trial.outputs();
      const ports = { consul: 8501, vault: 8200, nomad: 4646 };
      const services = Object.entries(ports);
      const issuing = async (service: string) =>
        (await trial.inside("control-b", "cat", `/etc/ssl/${service}/cert.pem`)).split(/(?=-----BEGIN)/)[1];
      const before = await Promise.all(services.map(([service]) => issuing(service)));
      expect(await replaceUp("rotate", ...Object.keys(ports), "site")).toContain(
        "Making the issuing authority of consul, vault, nomad, site anew.",
      );
      const { privateIpv6 } = await trial.machine("control-b");
      for (const [index, [service, port]] of services.entries()) {
        const now = await issuing(service);
        expect(now).not.toBe(before[index]);
        await until(`${service} serving by its new authority`, 60, async () => {
          const words = ["s_client", "-connect", `[${privateIpv6}]:${port}`, "-showcerts"];
          const shown = await trial.inside("support-a", "openssl", ...words);
          return shown.includes(now?.trim() ?? "no certificate") || undefined;
        });
      }
      expect((await trial.outputs()).ca).toEqual(ca);
      expect(await site()).toBe(200);
      await healthy();
      expect(unchanged((await trial.up()).summary)).toBe(true);
    });

    it("a server that lives, and a client: the successor first, then the old one leaves", async () => {
      const server = await trial.cloudName("control-b");
      const client = await trial.cloudName("client-a");
      const said = await replaceUp("replace", "control-b", "client-a");
      expect(said).toMatch(/Replacing control-b\.\n[\s\S]*Replacing client-a\.\n/);
      await votersAreTheMachines();
      await healthy();
      expect(await site()).toBe(200);
      const machines = await trial.lab.machines();
      expect(machines).not.toContain(server);
      expect(machines).not.toContain(client);
      expect(unchanged((await trial.up()).summary)).toBe(true);
    });
  });
}
