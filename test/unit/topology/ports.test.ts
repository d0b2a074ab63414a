import { describe, expect, test } from "vitest";
import { type Dashboard, dashboards } from "../../../components/topology/model";
import {
  type OpenPort,
  openingsOf,
  openPorts,
  portsWith,
  portText,
  reachable,
} from "../../../components/topology/ports";
import { portsMarkdown } from "../../../components/topology/ports-markdown";
import { dev, member } from "./fixture";

describe("what clouds let through", () => {
  test("support: SSH and the ways to the APIs", () => {
    const opened = openingsOf(member(dev, "support-a").spec);
    expect(opened.map(({ from, protocol, port }) => `${from} ${port}/${protocol}`)).toEqual([
      "admins 22/tcp",
      "admins 4646/tcp",
      "admins 8200/tcp",
      "admins 8501/tcp",
    ]);
  });
  test("load balancers: the site", () => {
    const opened = openingsOf(member(dev, "edge-a").spec);
    expect(opened.map(({ from, protocol, port }) => `${from} ${port}/${protocol}`)).toEqual([
      "world 80/tcp",
      "world 443/tcp",
    ]);
  });
  test.each(["control-a", "client-a"])("%s: nothing", (name) => {
    expect(openingsOf(member(dev, name).spec)).toEqual([]);
  });
});

describe("the table", () => {
  test("only these lines are open to the world", () => {
    const world = openPorts.filter((line) => line.from.includes("world"));
    expect(world.map((line) => `${line.to} ${portText(line.port)}`)).toEqual([
      "load-balancer 80",
      "load-balancer 443",
    ]);
  });
  test("administrators reach support and nothing else", () => {
    expect(new Set(openPorts.filter((line) => line.from.includes("admins")).map((line) => line.to))).toEqual(
      new Set(["support"]),
    );
  });
  test("what travels in clear is named: the redirect, what tasks speak, and what goes out through support", () => {
    expect(openPorts.filter((line) => line.clear).map((line) => portText(line.port))).toEqual([
      "20000-32000",
      "4789",
      "4789",
      "80",
    ]);
  });
  test("Fabio's own API and Consul's xDS and DNS are in no line", () => {
    for (const port of [9998, 8503, 8600, 8500, 8302, 8502]) {
      expect(openPorts.some((line) => line.port === port)).toBe(false);
    }
  });
  test("no line says what another says", () => {
    const keys = openPorts.map((line) => `${line.to} ${portText(line.port)}`);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("what is published", () => {
  const clients = (table: readonly OpenPort[]) =>
    table
      .filter(({ from }) => from.includes("nomad-client"))
      .map(({ to, port }) => `${to} ${portText(port)}`);
  test("clients reach the servers' APIs of what is named, and of nothing else", () => {
    const more = (...published: Dashboard[]) =>
      clients(portsWith(published)).filter((line) => !clients(openPorts).includes(line));
    expect(more("nomad")).toEqual(["nomad-server 4646"]);
    expect(more("consul")).toEqual(["consul-server 8501"]);
    // Tasks read their secrets there anyway.
    expect(more("vault")).toEqual([]);
    expect(more("nomad", "consul", "vault")).toEqual(["consul-server 8501", "nomad-server 4646"]);
  });
  test("nothing published, nothing changed; and nobody else is let in by it, from outside least of all", () => {
    expect(portsWith()).toEqual(openPorts);
    const all = portsWith(dashboards);
    for (const { spec } of dev.members) {
      for (const from of ["world", "admins", "members", "support"] as const) {
        expect(reachable(spec, [from], all).map(({ service }) => service)).toEqual(
          reachable(spec, [from]).map(({ service }) => service),
        );
      }
    }
  });
});

test("the table as documentation", () => {
  expect(portsMarkdown()).toMatchInlineSnapshot(`
    "| Service | Port | On | From | Why | In clear, because |
    | --- | --- | --- | --- | --- | --- |
    | SSH on support | 22/tcp | support | admins | the way in, and on to the other machines |  |
    | SSH | 22/tcp | members | support | machines are provisioned through support |  |
    | Vault through support | 8200/tcp | support | admins | administrators' programs reach the API; TLS ends at the servers |  |
    | Consul through support | 8501/tcp | support | admins | administrators' programs reach the API; TLS ends at the servers |  |
    | Nomad through support | 4646/tcp | support | admins | administrators' programs reach the API; TLS ends at the servers |  |
    | signer | 8888/tcp | support | members | machines have their certificates signed and renewed |  |
    | artifact store | 8443/tcp | support | members | machines and tasks fetch programs and content |  |
    | unsealer | 8210/tcp | support | vault-server | Vault's servers unseal by its transit key |  |
    | Consul RPC | 8300/tcp | consul-server | members | agents ask the servers, servers replicate |  |
    | Consul gossip | 8301/tcp+udp | members | members | agents watch each other; encrypted by a key of its own |  |
    | Consul API | 8501/tcp | consul-server | support | bootstrap and the pass-through; members ask their own agent on loopback |  |
    | Vault API | 8200/tcp | vault-server | support, vault-server, nomad-client | bootstrap and the pass-through; servers join and forward; tasks and their templates read secrets |  |
    | Vault cluster | 8201/tcp | vault-server | vault-server | Raft and forwarded requests |  |
    | Nomad API | 4646/tcp | nomad-server | support, consul-server, vault-server | bootstrap and the pass-through; Consul and Vault read the keys of workload identities |  |
    | Nomad API of clients | 4646/tcp | nomad-client | support | logs and exec of allocations, which the command line asks of the client itself |  |
    | Nomad RPC | 4647/tcp | nomad-server | nomad-server, nomad-client | clients register and fetch their work, servers replicate |  |
    | Nomad gossip | 4648/tcp+udp | nomad-server | nomad-server | servers watch each other; encrypted by a key of its own |  |
    | tasks | 20000-32000/tcp+udp | nomad-client | nomad-client | tasks reach each other, the ingress reaches the site | what a task speaks is the task's own; only clients of the cluster reach it |
    | way out | 4789/udp | gateway | members | with \`egress: nat\` at Linode, machines without a public address go out through support | what it carries is bound for the internet, where it goes as it is |
    | way out, answers | 4789/udp | behind | support | what comes back to them | what it carries is bound for the internet, where it goes as it is |
    | site, redirect | 80/tcp | load-balancer | world | visitors are sent on to HTTPS | answers with nothing but the redirect |
    | site | 443/tcp | load-balancer | world | visitors |  |

    Loopback only, in no zone:

    | Service | Port |
    | --- | --- |
    | Consul API of client agents | 8501 |
    | Consul gRPC (TLS) | 8503 |
    | Consul DNS | 8600 |
    | signer, behind its gate | 8889 |
    | unsealer's cluster of one | 8211 |
    | the ingress's own: Fabio's API and UI, Traefik's metrics | 9998 |
    | names (systemd-resolved) | 53 |
    "
  `);
});
