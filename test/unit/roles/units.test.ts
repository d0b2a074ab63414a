import { expect, test } from "vitest";
import { leafCertificate } from "../../../components/roles/leaf";
import { daemonUnit, hardening } from "../../../components/roles/units";
import { leaf } from "./example";

const daemon = {
  name: "d",
  description: "A daemon",
  user: "d",
  exec: "/usr/local/bin/d",
  onChange: "restart",
} as const;
const linesOf = (unit: { content?: string }) => (unit.content ?? "").split("\n");

test("a daemon is hardened unless it says what it needs instead", () => {
  expect(linesOf(daemonUnit(daemon))).toEqual(expect.arrayContaining(hardening));
  const free = linesOf(daemonUnit({ ...daemon, service: ["Delegate=yes"] }));
  expect(free).toContain("Delegate=yes");
  expect(free.filter((line) => hardening.includes(line))).toEqual([]);
});

test("it starts behind the firewall, and behind what it stands on", () => {
  const after = linesOf(daemonUnit({ ...daemon, after: ["consul.service"] })).find((line) =>
    line.startsWith("After="),
  );
  expect(after).toBe("After=network-online.target firewalld.service consul.service");
});

test("it is enabled under its own name, and does about a change what was asked", () => {
  expect(daemonUnit({ ...daemon, onChange: "rollout" })).toMatchObject({
    name: "d.service",
    enable: true,
    onChange: "rollout",
  });
});

test("lines stand in their sections, once each", () => {
  const lines = linesOf(daemonUnit(daemon)).filter((line) => line !== "");
  expect(lines.filter((line) => line.startsWith("["))).toEqual(["[Unit]", "[Service]", "[Install]"]);
  expect(new Set(lines).size).toBe(lines.length);
  expect(lines.indexOf("StartLimitIntervalSec=0")).toBeLessThan(lines.indexOf("[Service]"));
});

test("a leaf lies with its service, and asks with the machine's own profile", () => {
  expect(leafCertificate("vault", leaf("vault"), "vault", "vault.service")).toEqual({
    ...leaf("vault"),
    service: "vault",
    directory: "/etc/ssl/vault",
    owner: "root",
    group: "vault",
    notifies: [{ unit: "vault.service", action: "reload" }],
  });
});
