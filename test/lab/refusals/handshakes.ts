import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { supportServerName } from "../../../components/topology/names";
import { portNumbers } from "../../../components/topology/ports";
import type { HttpRequest, Knock, StateResource, Trial } from "../support/trial";
import { foreignAuthority, leafOf, type Pair } from "./certificates";
import { type Outcome, outcomes } from "./credentials";
import { gossipOutcome, ping, seal } from "./gossip";

type Handshake = Extract<Knock, { kind: "tls" }>;

/** What somebody gets who has come through to a port, by what he shows: the table of credentials, on real daemons. */
export function credentials(trial: Trial): void {
  const pair = async (machine: string, service: string): Promise<Pair> => {
    const pem = (name: string) => trial.inside(machine, "cat", `/etc/ssl/${service}/${name}.pem`);
    const [cert, key] = await Promise.all([pem("cert"), pem("key")]);
    return { cert, key };
  };

  describe("with what in hand", () => {
    it.each([
      { service: "consul", table: "Consul RPC", other: "nomad", tls: 3, raft: 1, name: "server.dc1.consul" },
      { service: "nomad", table: "Nomad RPC", other: "consul", tls: 4, raft: 2, name: "server.global.nomad" },
    ] as const)("$table", async ({ service, table, other, tls, raft, name }) => {
      const { ca } = await trial.outputs();
      const host = (await trial.machine("control-a")).privateIpv6;
      const port = service === "consul" ? portNumbers.consulRpc : portNumbers.nomadRpc;
      const issuing = issuingOf(await trial.state(), service);
      const [client, others, server, foreign, expired] = await Promise.all([
        pair("client-b", service),
        pair("client-b", other),
        leafOf(issuing, [name], [-1, 1]),
        foreignAuthority(issuing.cert).then((authority) => leafOf(authority, [name], [-1, 1])),
        leafOf(issuing, [name], [-48, -24]),
      ]);
      const clear = (first: number): Knock => ({ kind: "raw", host, port, bytes: base64([first, 0x80]) });
      const shown = (certificate?: Pair, next?: string): Handshake => ({
        ...{ kind: "tls", host, port, first: tls, next, serverName: name },
        ...{ ca: ca[service] as string, ...certificate },
      });
      const otherName = other === "nomad" ? "Nomad" : "Consul";
      await expectRows(trial, "client-b", table, {
        "clear text": clear(service === "consul" ? 0 : 1),
        "clear text, for Raft": clear(raft),
        "no certificate": shown(),
        "a certificate of a foreign authority": shown(foreign),
        [`its machine's certificate of ${otherName}`]: shown(others),
        "a server's certificate that has expired": shown(expired),
        "a client's certificate": shown(client),
        "a client's certificate, for Raft": shown(client, base64([raft])),
        "a server's certificate, for Raft": shown(server, base64([raft])),
        ...(service === "consul" ? asNewcomer({ ...shown(), first: 7 }) : {}),
      });
    });

    it.each([
      { table: "Consul gossip", port: portNumbers.consulGossip },
      { table: "Nomad gossip", port: portNumbers.nomadGossip },
    ] as const)("$table", async ({ table, port }) => {
      const host = (await trial.machine("control-a")).privateIpv6;
      const told = async (path: string) => JSON.parse(await trial.inside("control-b", "cat", path));
      const consul = (await told("/etc/consul.d/secrets.json")).encrypt as string;
      const nomad = (await told("/etc/nomad.d/secrets.json")).server.encrypt as string;
      const [own, other] =
        table === "Consul gossip" ? [consul, randomBytes(32).toString("base64")] : [nomad, consul];
      const said = await trial.knock("control-b", [
        { kind: "raw", host, port, bytes: ping.toString("base64") },
        { kind: "raw", host, port, bytes: seal(other, ping).toString("base64") },
        { kind: "raw", host, port, bytes: seal(own, ping).toString("base64") },
      ]);
      expect(said.map((answer) => gossipOutcome(own, answer))).toEqual(Object.values(outcomes[table]));
    });

    it("Vault cluster", async () => {
      const host = (await trial.machine("control-a")).privateIpv6;
      const knock = { host, port: portNumbers.vaultCluster };
      const { ca, machines } = await trial.outputs();
      const shown = (certificate?: Pair): Knock => ({
        ...{ kind: "tls", ...knock, serverName: "vault.service.consul", alpn: "raft_storage_v1" },
        ...{ ca: ca.vault as string, ...certificate },
      });
      const answers = await trial.knock("control-b", [
        { kind: "raw", ...knock, bytes: Buffer.from("GET / HTTP/1.0\r\n\r\n").toString("base64") },
        shown(),
        shown(await pair("control-b", "vault")),
      ]);
      const { data } = await trial.ask<{ data: { config: { servers: { voter: boolean }[] } } }>(
        "vault",
        "/v1/sys/storage/raft/configuration",
      );
      const voters = data.config.servers.filter(({ voter }) => voter).length;
      const servers = Object.values(machines).filter(({ roles }) => roles.includes("vault-server")).length;
      expect([...answers.map(outcomeOf), voters === servers ? "accepted" : `${voters} voters`]).toEqual(
        Object.values(outcomes["Vault cluster"]),
      );
    });

    it("the APIs, the artifact store and the site", async () => {
      const { ca, apis, machines } = await trial.outputs();
      const [control, support, client, edge] = await Promise.all(
        ["control-a", "support-a", "client-a", "edge-a"].map((name) => trial.machine(name)),
      );
      const { consulApi, vaultApi, nomadApi, signer, artifacts, unsealer, http, https } = portNumbers;
      const supportName = supportServerName({ cluster: "dev" });
      const places = [
        {
          table: "Consul API",
          from: "support-a",
          host: control,
          port: consulApi,
          ca: ca.consul,
          name: apis.consul.serverName,
        },
        {
          table: "Vault API",
          from: "support-a",
          host: control,
          port: vaultApi,
          ca: ca.vault,
          name: apis.vault.serverName,
        },
        {
          table: "Nomad API",
          from: "support-a",
          host: control,
          port: nomadApi,
          ca: ca.nomad,
          name: apis.nomad.serverName,
        },
        {
          table: "Nomad API",
          from: "support-a",
          host: client,
          port: nomadApi,
          ca: ca.nomad,
          name: "client.global.nomad",
        },
        { table: "signer", from: "client-b", host: support, port: signer, ca: ca.support, name: supportName },
        {
          table: "artifact store",
          from: "client-b",
          host: support,
          port: artifacts,
          ca: ca.support,
          name: supportName,
        },
        {
          table: "unsealer",
          from: "control-b",
          host: support,
          port: unsealer,
          ca: ca.support,
          name: supportName,
        },
        { table: "site", from: "client-b", host: edge, port: https, ca: ca.site, name: "www.dev.test" },
      ] as const;
      expect(Object.keys(machines).length).toBeGreaterThan(3);
      const seen = await Promise.all(
        places.map(async ({ table, from, host, port, ca: authority, name }) => {
          const address = { host: host?.privateIpv6 ?? "", port };
          const plain: HttpRequest = { ...address, scheme: "http" };
          const [[clear], [shaken]] = await Promise.all([
            trial.request(from, [plain]),
            trial.knock(from, [{ kind: "tls", ...address, ca: authority ?? "", serverName: name }]),
          ]);
          return [table, port, clear?.status ? `HTTP ${clear.status}` : "dropped", shaken];
        }),
      );
      expect(seen).toEqual(
        places.map(({ table, port }) => {
          const rows: Record<string, Outcome> = outcomes[table];
          return [table, port, rows["clear text"], rows["TLS, no certificate"]];
        }),
      );
      const redirect = { scheme: "http" as const, host: edge?.publicIpv6 ?? "", port: http };
      const [sentOn] = await trial.request("stranger", [redirect]);
      expect(`HTTP ${sentOn?.status}`).toBe(outcomes["site, redirect"]["clear text"]);
    });
  });
}

/** The issuing authority of a service, with its key. */
export function issuingOf(state: readonly StateResource[], service: string): Pair {
  const outputs = (type: string) =>
    state.find(({ urn, type: of }) => urn.endsWith(`::${service}-issuing`) && of.endsWith(`:${type}`))
      ?.outputs;
  const shown = (value: unknown): string => {
    const secret = value as { plaintext?: string } | string | undefined;
    return typeof secret === "string" ? secret : JSON.parse(secret?.plaintext ?? '""');
  };
  return {
    cert: shown(outputs("LocallySignedCert")?.certPem),
    key: shown(outputs("PrivateKey")?.privateKeyPem),
  };
}

async function expectRows(
  trial: Trial,
  from: string,
  table: keyof typeof outcomes,
  knocks: Readonly<Record<string, Knock>>,
): Promise<void> {
  const answers = await trial.knock(from, Object.values(knocks));
  const seen = Object.keys(knocks).map((row, index) => [row, outcomeOf(answers[index] ?? "")]);
  expect(Object.fromEntries(seen)).toEqual(outcomes[table]);
}

/** A knock's answer in the words of the table. */
function outcomeOf(answer: string): string {
  if (["accepted", "kept", "dropped"].includes(answer)) return answer;
  const said = answer.startsWith("answered ")
    ? Buffer.from(answer.slice(9), "base64").toString("latin1")
    : "";
  if (/must be enabled|is disabled/.test(said)) return "refused";
  // An alert, or the end of the connection before the handshake's.
  if (/^ERR_SSL|ALERT|RESET|closed|EPIPE/.test(answer)) return "handshake refused";
  return answer;
}

const base64 = (bytes: readonly number[]) => Buffer.from(bytes).toString("base64");

/** Consul has another door, for agents that have no certificate yet. It cannot be closed, but nothing is given there. */
function asNewcomer(knock: Handshake): Record<string, Knock> {
  const asking = (method: string, empty = 0x80): Knock => ({ ...knock, next: call(method, empty) });
  return {
    "no certificate, as a newcomer": knock,
    "no certificate, as a newcomer: be given one": asking("AutoEncrypt.Sign"),
    "no certificate, as a newcomer: be configured": asking("AutoConfig.InitialConfiguration", 0xa0),
  };
}

/** A call of Consul's RPC with nothing in it, in MessagePack: {ServiceMethod, Seq: 1} and what is empty, {} or "". */
function call(method: string, empty: number): string {
  const text = (words: string) =>
    words.length < 32
      ? Buffer.from([0xa0 | words.length, ...Buffer.from(words)])
      : Buffer.from([0xda, 0, words.length, ...Buffer.from(words)]);
  const parts = [
    Buffer.from([0x82]),
    text("ServiceMethod"),
    text(method),
    text("Seq"),
    Buffer.from([1, empty]),
  ];
  return Buffer.concat(parts).toString("base64");
}
