import { expect, test } from "vitest";
import { renderApplyInput } from "../../../components/provisioning/apply";
import type { PlannedCertificate } from "../../../components/provisioning/plan";

const signer = { url: "https://[fd00::2]:8888", serverName: "support.dev.internal", caPem: "CA" };
const frame = { machine: "control-a", hostname: "dev-control-a", signer };
const leaf: PlannedCertificate = {
  service: "consul",
  profile: "dev-control-a",
  authKey: "00",
  commonName: "a",
  dnsNames: ["a"],
  ipAddresses: [],
  directory: "/etc/ssl/consul",
  caPem: "CA",
  issuingPem: "ISSUING",
  owner: "root",
  group: "consul",
  notifies: [],
};

test("a machine with certificates gets what renews them, and the key to ask with is root's alone", () => {
  const input = renderApplyInput(frame, { consul: { certificates: [leaf] } });
  const config = input.files.find((file) => file.path === "/etc/hashistack/leaf/consul.json");
  expect(config?.mode).toBe("0600");
  expect(JSON.parse(config?.content ?? "")).toEqual({ leaf, signer });
  expect(input.files.map((file) => file.path)).toEqual(
    expect.arrayContaining(["/usr/local/lib/hashistack/host.py", "/usr/local/lib/hashistack/leaf.py"]),
  );
  expect(input.units.find((unit) => unit.name === "hashistack-leaf.timer")?.enable).toBe(true);
  expect(input.units.find((unit) => unit.name === "hashistack-leaf.service")?.enable).toBe(false);
});

test("a machine without certificates gets nothing of it, and without zones no firewall", () => {
  const input = renderApplyInput(frame, {});
  expect([input.files, input.units, input.zones]).toEqual([[], [], []]);
});

test("a zone comes with firewalld's file of it", () => {
  const zone = { name: "hs10", sources: ["10.0.0.0/8"], ports: [], description: "x" };
  const input = renderApplyInput(frame, { machine: { zones: [zone] } });
  expect(input.zones).toEqual([{ ...zone, xml: expect.stringContaining('<source address="10.0.0.0/8"/>') }]);
});
