import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Service } from "../../../components/topology/model";
import {
  leafNames,
  leafServicesOf,
  signerWhitelist,
  supportServerName,
} from "../../../components/topology/names";
import { dev, member, separate } from "./fixture";

const names = (machine: string, service: Service) => leafNames(member(dev, machine), service, dev.topology);

describe("which certificates a machine has", () => {
  test.each<[string, Service[]]>([
    ["support-a", ["support"]],
    ["control-a", ["consul", "vault", "nomad"]],
    ["client-a", ["consul", "nomad"]],
  ])("%s", (machine, services) => expect(leafServicesOf(member(dev, machine).spec)).toEqual(services));

  test.each<[string, Service[]]>([
    ["consul-a", ["consul"]],
    ["vault-a", ["consul", "vault"]],
    ["nomad-a", ["consul", "nomad"]],
  ])("%s on its own", (machine, services) => {
    expect(leafServicesOf(member(separate, machine).spec)).toEqual(services);
  });

  test("none of a service that it does not run", () => {
    expect(() => names("client-a", "vault")).toThrow("client-a does not run vault");
    expect(() => names("support-a", "consul")).toThrow("support-a does not run consul");
  });
});

describe("what they say", () => {
  test("a server of Consul", () => {
    expect(names("control-a", "consul")).toEqual({
      commonName: "dev-control-a-abc00001.node.consul",
      dnsNames: [
        "localhost",
        "dev-control-a-abc00001.node.consul",
        "server.dc1.consul",
        "consul.service.consul",
      ],
      ipAddresses: ["127.0.0.1", "::1", "198.51.100.3", "fd00:1ab::3"],
    });
  });
  test.each<[string, Service, string[]]>([
    ["client-a", "consul", ["client.dc1.consul"]],
    [
      "control-a",
      "vault",
      ["vault.service.consul", "active.vault.service.consul", "standby.vault.service.consul"],
    ],
    ["control-a", "nomad", ["server.global.nomad", "nomad.service.consul"]],
    ["client-a", "nomad", ["client.global.nomad", "nomad-client.service.consul"]],
  ])("%s, %s", (machine, service, own) => {
    expect(names(machine, service).dnsNames.slice(2)).toEqual(own);
  });
  test("support, one name for all that it offers", () => {
    expect(supportServerName(dev.topology)).toBe("support.dev.internal");
    expect(names("support-a", "support").dnsNames).toEqual(["localhost", "support.dev.internal"]);
  });
  test("without a host name of its own a machine goes by its slot's", () => {
    const { hostname: _, ...plain } = member(dev, "client-a");
    expect(leafNames(plain, "consul", dev.topology).commonName).toBe("client-a.node.consul");
  });
  test("no client has a server's name", () => {
    for (const { spec } of dev.members.filter((one) => one.spec.roles.includes("nomad-client"))) {
      for (const service of leafServicesOf(spec)) {
        expect(names(spec.name, service).dnsNames.filter((name) => name.startsWith("server."))).toEqual([]);
      }
    }
  });
});

describe("the signer's whitelist", () => {
  test("reads", () => {
    expect(signerWhitelist(names("client-a", "consul"))).toBe(
      "^(localhost|dev-client-a-abc00004\\.node\\.consul|client\\.dc1\\.consul|" +
        "127\\.0\\.0\\.1|::1|198\\.51\\.100\\.6|fd00:1ab::6)$",
    );
  });

  test("has an address in the one form that the gate compares", () => {
    const ipAddresses = ["FD00:01AB:0:0::0012", "198.51.100.12"];
    expect(signerWhitelist({ commonName: "a", dnsNames: ["a"], ipAddresses })).toBe(
      "^(a|fd00:1ab::12|198\\.51\\.100\\.12)$",
    );
  });

  test("lets the names through and nothing around or between them", () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    const extra = fc.stringMatching(/^[a-z0-9.-]{1,5}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
        name,
        extra,
        (dnsNames, other, more) => {
          // cfssl searches the expression anywhere in a name, as `search` does here.
          const whitelist = new RegExp(
            signerWhitelist({ commonName: dnsNames[0] as string, dnsNames, ipAddresses: [] }),
          );
          for (const one of dnsNames) {
            expect(whitelist.test(one)).toBe(true);
            for (const around of [one + more, more + one, one.replace(".", "x"), `${one}\n`]) {
              expect(whitelist.test(around)).toBe(dnsNames.includes(around));
            }
          }
          expect(whitelist.test(other)).toBe(dnsNames.includes(other));
        },
      ),
    );
  });
});
