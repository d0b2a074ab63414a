import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runAny } from "../../../bench/run";
import type { Knock, Trial } from "../support/trial";

/** What nobody may do. Each refusal has beside it the like that is allowed, or the refusal would prove nothing. */
export function refusals(trial: Trial): void {
  const machine = (name: string) => trial.machine(name);
  const tcp = (host: string, port: number): Knock => ({ kind: "tcp", host, port });

  describe("refused", () => {
    it("RPC without a certificate, and with one of another service", async () => {
      const { ca } = await trial.outputs();
      const target = (await machine("control-a")).privateIpv6;
      const pem = (service: string, name: string) =>
        trial.inside("control-b", "cat", `/etc/ssl/${service}/${name}.pem`);
      const rpc = { consul: { port: 8300, first: 3 }, nomad: { port: 4647, first: 4 } };
      const names = { consul: "server.dc1.consul", nomad: "server.global.nomad" };
      for (const [service, other] of [
        ["consul", "nomad"],
        ["nomad", "consul"],
      ] as const) {
        const knock = { kind: "tls" as const, host: target, ...rpc[service], ca: ca[service] as string };
        const [cert, key, otherCert, otherKey] = await Promise.all([
          ...[pem(service, "cert"), pem(service, "key")],
          ...[pem(other, "cert"), pem(other, "key")],
        ]);
        const asked = await trial.knock("control-b", [
          { ...knock, serverName: names[service], cert, key },
          { ...knock, serverName: names[service] },
          { ...knock, serverName: names[service], cert: otherCert, key: otherKey },
        ]);
        expect(asked[0]).toBe("accepted");
        expect(asked.slice(1).every((answer) => /ALERT|RESET|closed|EPIPE/.test(answer))).toBe(true);
        expect(asked.slice(1)).not.toContain("accepted");
      }
    });

    it.each<["consul" | "nomad" | "vault", string, string]>([
      ["consul", "GET", "/v1/acl/tokens"],
      ["consul", "GET", "/v1/operator/raft/configuration"],
      ["consul", "PUT", "/v1/kv/anything"],
      ["nomad", "GET", "/v1/jobs"],
      ["nomad", "GET", "/v1/nodes"],
      ["nomad", "GET", "/v1/acl/tokens"],
      ["vault", "GET", "/v1/secret/data/website/website"],
      ["vault", "GET", "/v1/sys/policies/acl?list=true"],
      ["vault", "GET", "/v1/sys/storage/raft/configuration"],
    ])("%s: %s %s without a token, and with a wrong one", async (service, method, path) => {
      const wrong = "5b1c4ee0-4d63-4c0e-8d0c-3a2f5a4f7a11";
      const [none, other, right] = await Promise.all([
        trial.api(service, path, { method, token: "" }),
        trial.api(service, path, { method, token: wrong }),
        trial.api(service, path, { method }),
      ]);
      expect(none.status).toBe(403);
      expect(other.status).toBe(403);
      expect(right.status).toBe(200);
    });

    it("plain HTTP where TLS is spoken", async () => {
      const [control, support] = [await machine("control-a"), await machine("support-a")];
      const plain = (host: string, port: number) => ({ scheme: "http" as const, host, port });
      const answers = [
        ...(await trial.request(
          "support-a",
          [8501, 8200, 4646].map((port) => plain(control.privateIpv6, port)),
        )),
        ...(await trial.request(
          "control-b",
          [8888, 8443, 8210].map((port) => plain(support.privateIpv6, port)),
        )),
      ];
      for (const { status, error } of answers) expect([400, "ECONNRESET"]).toContain(status ?? error);
    });

    it("all but the ways in, from outside", async () => {
      const [support, edge] = [await machine("support-a"), await machine("edge-a")];
      const supportPorts = [22, 8200, 8501, 4646, 8888, 8443, 8210];
      const edgePorts = [80, 443, 22, 4646, 8301, 8501, 9998];
      const knocks = (["publicIpv4", "publicIpv6"] as const).flatMap((family) => [
        ...supportPorts.map((port) => tcp(support[family], port)),
        ...edgePorts.map((port) => tcp(edge[family], port)),
      ]);
      const [admin, stranger] = await Promise.all([
        trial.knock("outside", knocks),
        trial.knock("stranger", knocks),
      ]);
      const silent = (count: number) => Array(count).fill("silent");
      const byAdmin = [...Array(4).fill("open"), ...silent(3), "open", "open", ...silent(5)];
      const byStranger = [...silent(7), "open", "open", ...silent(5)];
      expect(admin).toEqual([...byAdmin, ...byAdmin]);
      expect(stranger).toEqual([...byStranger, ...byStranger]);
    });

    it("private addresses, from outside", async () => {
      const { machines } = await trial.outputs();
      const knocks = Object.values(machines).flatMap(({ privateIpv4 = "", privateIpv6 = "" }) =>
        [privateIpv4, privateIpv6].flatMap((host) =>
          [22, 443, 4646, 8200, 8501].map((port) => tcp(host, port)),
        ),
      );
      const answers = await Promise.all([trial.knock("outside", knocks), trial.knock("stranger", knocks)]);
      expect(new Set(answers.flat())).toEqual(new Set(["silent"]));
    });

    it("one machine at another's door that the table does not open", async () => {
      const [support, control, client] = [
        await machine("support-a"),
        await machine("control-a"),
        await machine("client-a"),
      ];
      const ports = (host: string, ...list: number[]) => list.map((port) => tcp(host, port));
      const fromClient = await trial.knock("client-b", [
        ...ports(control.privateIpv6, 8300, 4647, 8200, 22, 8501, 4646, 4648, 8201),
        ...ports(support.privateIpv6, 8888, 8443, 22, 8210, 8501, 8200),
        ...ports(client.privateIpv6, 8301, 22, 4646, 8501),
      ]);
      const yes = (count: number) => Array(count).fill("open");
      const no = (count: number) => Array(count).fill("silent");
      expect(fromClient).toEqual([...yes(3), ...no(5), ...yes(2), ...no(4), ...yes(1), ...no(3)]);
      const fromSupport = await trial.knock("support-a", [
        ...ports(client.privateIpv6, 22, 4646, 8301, 8501),
        ...ports(control.privateIpv6, 22, 8501, 8200, 4646, 8300, 8301, 4647, 8201),
      ]);
      expect(fromSupport).toEqual([...yes(2), ...no(2), ...yes(4), ...no(4)]);
    });

    it("SSH as root, and with a password", async () => {
      await trial.cli("ssh", "support", "--", "true");
      const config = join(trial.folder, ".hashistack/ssh/dev/config");
      const ssh = (...options: string[]) =>
        runAny(["ssh", "-F", config, "-o", "BatchMode=yes", ...options, "support-a", "id -un"], {
          what: "ssh",
        });
      expect(await ssh()).toMatchObject({ code: 0, stdout: "ops\n" });
      const password = ["PreferredAuthentications=password,keyboard-interactive", "PubkeyAuthentication=no"];
      const refused = [
        await ssh("-o", "User=root"),
        await ssh(...password.flatMap((option) => ["-o", option])),
      ];
      for (const { code, stderr } of refused) {
        expect(code).toBe(255);
        expect(stderr).toContain("Permission denied (publickey)");
      }
    });

    it("another's name to a machine that asks the signer with its own key", async () => {
      const own = await trial.cloudName("client-a");
      const asked = await trial.python<Record<string, string>>("client-a", "cluster/machine/ask_signer.py", {
        names: {
          own: [`${own}.node.consul`, "client.dc1.consul"],
          server: [`${own}.node.consul`, "server.dc1.consul"],
          commonName: ["server.dc1.consul"],
          neighbour: [`${await trial.cloudName("client-b")}.node.consul`],
        },
        otherProfile: await trial.cloudName("control-a"),
      });
      const refusal = expect.stringMatching(/^the signer refused a certificate of consul/);
      expect(asked).toEqual({
        own: "signed",
        server: refusal,
        commonName: refusal,
        neighbour: refusal,
        otherProfile: refusal,
        otherService: refusal,
      });
    });
  });
}
