import { expect, test } from "vitest";
import { renderUserData } from "../../../components/clouds/user-data";

// It comes with the Pulumi SDK.
const yaml = require("js-yaml") as { load(text: string): unknown };

const hostKey = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
const contact = { user: "ops", authorizedKeys: ["ssh-ed25519 AAAA one\n", "ssh-ed25519 BBBB two"], hostKey };

test("one user with sudo and keys, a throw-away host key, no password for anybody; nothing else", () => {
  const text = renderUserData(contact);
  expect(text.startsWith("#cloud-config\n")).toBe(true);
  expect(yaml.load(text)).toEqual({
    users: [
      {
        name: "ops",
        shell: "/bin/bash",
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        lock_passwd: true,
        ssh_authorized_keys: ["ssh-ed25519 AAAA one", "ssh-ed25519 BBBB two"],
      },
    ],
    disable_root: true,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_keys: { ecdsa_private: hostKey },
  });
});

test("the same contact is the same document, and it fits into what clouds take", () => {
  expect(renderUserData({ ...contact })).toBe(renderUserData(contact));
  const many = { ...contact, authorizedKeys: Array.from({ length: 20 }, () => `ssh-rsa ${"A".repeat(400)}`) };
  expect(renderUserData(many).length).toBeLessThan(16_384);
});
