import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, test } from "vitest";
import { ServiceAuthority } from "../../../components/pki/authority";

interface Made {
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

const made: Made[] = [];
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: (args) => {
      made.push({ type: args.type, name: args.name, inputs: args.inputs });
      const state = {
        ...args.inputs,
        certPem: `${args.name} certificate`,
        privateKeyPem: `${args.name} key`,
      };
      return { id: args.name, state };
    },
    call: () => ({}),
  });
});

const value = <T>(output: pulumi.Output<T>): Promise<T> => new Promise((resolve) => output.apply(resolve));

test("a root that signs one issuing authority, which signs leaves alone", async () => {
  const authority = new ServiceAuthority("consul", { service: "consul", issuingYears: 1 });
  expect(await value(authority.rootPem)).toBe("consul-root certificate");
  expect(await value(authority.issuingPem)).toBe("consul-issuing certificate");
  expect(await value(authority.issuingKeyPem)).toBe("consul-issuing key");
  expect(await pulumi.isSecret(authority.issuingKeyPem)).toBe(true);
  const of = (type: string) => made.find((each) => each.type === type)?.inputs;
  expect(of("tls:index/selfSignedCert:SelfSignedCert")).toMatchObject({
    isCaCertificate: true,
    allowedUses: ["cert_signing", "crl_signing"],
    validityPeriodHours: 87660,
  });
  expect(of("tls:index/locallySignedCert:LocallySignedCert")).toMatchObject({
    isCaCertificate: true,
    maxPathLength: 0,
    validityPeriodHours: 8766,
    caCertPem: "consul-root certificate",
  });
  expect(
    made.filter((each) => each.type === "tls:index/privateKey:PrivateKey").map((each) => each.inputs),
  ).toEqual([
    expect.objectContaining({ algorithm: "ECDSA", ecdsaCurve: "P256" }),
    expect.objectContaining({ algorithm: "ECDSA", ecdsaCurve: "P256" }),
  ]);
});
