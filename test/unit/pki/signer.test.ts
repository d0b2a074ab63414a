import { expect, test } from "vitest";
import { gateUnit, renderSigner, signerUnit } from "../../../components/pki/signer";

const authority = (name: string) => ({ issuingPem: `${name} pem`, issuingKeyPem: `${name} key` });
const certificate = {
  service: "support",
  profile: "support",
  authKey: "00",
  commonName: "support.dev.internal",
  dnsNames: ["support.dev.internal"],
  ipAddresses: [],
  directory: "/etc/ssl/support",
  caPem: "ca",
  issuingPem: "issuing",
  owner: "root",
  group: "root",
  notifies: [],
};
const fragment = renderSigner({
  version: "1.6.5",
  authorities: { vault: authority("vault"), consul: authority("consul") },
  certificate,
});
const file = (name: string) => fragment.files?.find((each) => each.path === `/etc/hashistack/signer/${name}`);

test("issuing keys are root's alone, and the signer gets its own copies of them", () => {
  expect(file("consul.key")).toMatchObject({
    content: "consul key",
    owner: "root",
    group: "root",
    mode: "0400",
  });
  const unit = fragment.units?.[0]?.content ?? "";
  expect(unit).toContain("LoadCredential=consul.key:/etc/hashistack/signer/consul.key");
  expect(unit).toContain("LoadCredential=tls.key:/etc/ssl/support/key.pem");
  expect(unit).toMatch(/^User=signer$/m);
  expect(unit).not.toContain("consul key");
});

test("each service has a root of its own in what the signer reads", () => {
  expect(file("roots.ini")?.content).toBe(`[ consul ]
private = file:///run/credentials/${signerUnit}/consul.key
certificate = /etc/hashistack/signer/consul.pem
config = /etc/hashistack/signer/policies/consul.json

[ vault ]
private = file:///run/credentials/${signerUnit}/vault.key
certificate = /etc/hashistack/signer/vault.pem
config = /etc/hashistack/signer/policies/vault.json
`);
});

test("the signer begins anew for a new key, and for a new leaf of its own", () => {
  const restart = [{ unit: signerUnit, action: "restart" }];
  expect(file("vault.key")?.notifies).toEqual(restart);
  const both = [...restart, { unit: gateUnit, action: "restart" }];
  expect(fragment.certificates).toEqual([{ ...certificate, notifies: both }]);
});

test("multirootca listens on loopback alone; machines speak to the gate", () => {
  const [signer, gate] = fragment.units ?? [];
  expect(signer?.content).toContain("multirootca-1.6.5 -a 127.0.0.1:8889 ");
  expect(gate?.content).toContain("signer_gate.py 8888 8889 support.dev.internal /etc/ssl/support ");
  expect(gate?.content).not.toContain("consul.key");
});
