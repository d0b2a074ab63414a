import { expect, it } from "vitest";
import { supportServerName } from "../../../components/topology/names";
import type { Trial } from "../support/trial";
import { signing } from "./credentials";

interface Signed {
  names: string[];
  addresses: string[];
  ca: boolean;
  usages: string[];
  hours: number;
}

/** What the signer gives to a machine that asks with its own key. */
export function signerRefusals(trial: Trial): void {
  it("the signer gives a client's key its own names and addresses, and nothing that it did not plan", async () => {
    const own = await trial.cloudName("client-a");
    const { privateIpv6, privateIpv4 } = await trial.machine("client-a");
    const names = [`${own}.node.consul`, "client.dc1.consul"];
    const named = (...dnsNames: string[]) => ({ leaf: { commonName: names[0], dnsNames, ipAddresses: [] } });
    const mail = { names: ["email.0 = root@server.dc1.consul"] };
    const uri = { names: ["URI.0 = spiffe://dc1/agent/server/dc/dc1"] };
    const cases: Record<keyof typeof signing, object> = {
      "its own names and addresses": {},
      "its own names alone": named(...names),
      "a life of ten years, in the request": { fields: { NotAfter: "2046-01-01T00:00:00Z" } },
      "further usages, in the request's extensions": {
        extensions: ["keyUsage = keyCertSign,cRLSign", "extendedKeyUsage = codeSigning,OCSPSigning"],
      },
      "to be an authority": { extensions: ["basicConstraints = critical,CA:TRUE"] },
      "a server's name": named(...names, "server.dc1.consul"),
      "a server's name as common name": { leaf: { commonName: "server.dc1.consul", dnsNames: names } },
      "the name of a service": named("consul.service.consul"),
      "a wildcard": named("*.service.consul"),
      "another machine's name": named(`${await trial.cloudName("client-b")}.node.consul`),
      "another machine's address": {
        leaf: { ipAddresses: ["::1", privateIpv6, (await trial.machine("client-b")).privateIpv6] },
      },
      "an e-mail address": mail,
      "a URI": uri,
      "another machine's profile": { leaf: { profile: await trial.cloudName("control-a") } },
      "another service": { leaf: { service: "vault" } },
      "a seal by another key": { seal: "0f".repeat(32) },
    };
    const asked = await trial.python<Record<string, Signed | string>>(
      "client-a",
      "cluster/machine/ask_signer.py",
      { cases },
    );
    const seen = Object.entries(asked).map(([name, answer]) => [
      name,
      typeof answer === "string" ? "refused" : "allowed",
    ]);
    expect([Object.fromEntries(seen), asked]).toEqual([signing, expect.anything()]);
    // Whatever was asked for, this is what a certificate says.
    for (const answer of Object.values(asked)) {
      if (typeof answer === "string") continue;
      expect(answer).toMatchObject({
        ca: false,
        hours: 720,
        usages: ["Digital Signature", "TLS Web Client Authentication", "TLS Web Server Authentication"],
      });
      for (const name of answer.names) expect([...names, "localhost"]).toContain(name);
      for (const address of answer.addresses)
        expect(["127.0.0.1", "::1", privateIpv4, privateIpv6]).toContain(address);
    }
    expect(asked["another machine's address"]).toMatch(/is none of the profile's$/);
  });

  it("nothing but that answers there: not cfssl's information, nor its way to sign without a seal", async () => {
    const host = (await trial.machine("support-a")).privateIpv6;
    const { ca } = await trial.outputs();
    const serverName = supportServerName({ cluster: "dev" });
    const to = { host, port: 8888, ca: ca.support, serverName, method: "POST" };
    const body = JSON.stringify({ label: "consul", certificate_request: "x" });
    const paths = ["sign", "info", "newcert", "bundle", "authsign"].map((word) => `/api/v1/cfssl/${word}`);
    const answers = await trial.request(
      "client-a",
      paths.map((path) => ({ ...to, path, body, headers: { "content-length": String(body.length) } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 400]);
  });
}
