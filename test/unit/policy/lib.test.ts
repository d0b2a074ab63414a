import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseHcl } from "../../../policy/lib/hcl";
import { rememberMarks, wireOf } from "../../../policy/lib/marks";
import { isPrivate, isWorld } from "../../../policy/lib/openings";
import { decoded, secretIn, secretOrAssignment } from "../../../policy/lib/secrets";
import { Cursor, NotKnownYet } from "../../../policy/lib/wire";
import { secret, unknown } from "./engine";

const root = join(__dirname, "../../..");
const require_ = (id: string): unknown => require(id);

describe("values", () => {
  const props = new Cursor({
    plain: { text: "a", list: [1, { deep: secret("b") }] },
    whole: secret({ part: "c", open: unknown }),
    later: unknown,
    "no-value": null,
  });

  test("a secret is one with all its parts, and is read", () => {
    expect(props.isSecret("whole.part")).toBe(true);
    expect(props.text("whole.part")).toBe("c");
    expect(props.isSecret("plain.text")).toBe(false);
    expect(props.leaves().map(({ path, secret }) => [path, secret])).toEqual([
      ["plain.text", false],
      ["plain.list[0]", false],
      ["plain.list[1].deep", true],
      ["whole.part", true],
    ]);
  });

  test("what is not known is there, and cannot be read; nor a part of it", () => {
    expect(props.has("later.any")).toBe(true);
    for (const look of [
      () => props.text("later"),
      () => props.flag("later.any.part"),
      () => props.items("later"),
      () => props.isSecret("later"),
    ])
      expect(look).toThrow(NotKnownYet);
    // Secret whatever it will be.
    expect(props.isSecret("whole.open")).toBe(true);
  });

  test("what is absent is absent", () => {
    expect(props.has("plain.other.thing")).toBe(false);
    expect(props.has("no-value")).toBe(false);
    expect(props.text("other")).toBeUndefined();
    expect(props.items("plain.text")).toEqual([]);
    expect(props.number("plain.text")).toBeUndefined();
  });
});

describe("marks of secrets, which @pulumi/policy takes off", () => {
  test("are found again", async () => {
    rememberMarks(require_);
    const { deserializeProperties } = require("@pulumi/policy/deserialize") as {
      deserializeProperties: (struct: unknown, keep: boolean) => Record<string, unknown>;
    };
    const { unknownCheckingProxy } = require("@pulumi/policy/proxy") as {
      unknownCheckingProxy: (value: unknown) => Record<string, unknown>;
    };
    const wire = { token: secret("t"), name: "n" };
    const props = unknownCheckingProxy(deserializeProperties({ toJavaScript: () => wire }, false));
    expect(props.token).toBe("t");
    expect(wireOf(props)).toBe(wire);
  });

  test("without them the pack does not run", () => {
    expect(() => rememberMarks(() => ({}))).toThrow("needs @pulumi/policy 1.21");
    expect(() => wireOf({ name: "n" })).toThrow("needs @pulumi/policy 1.21");
  });
});

const textInText = `"} ${"$"}{d["e"]} \\" }"`;

describe("a job's file", () => {
  test.each([
    ["fabio", "ingress"],
    ["traefik", "ingress"],
    ["website", "website"],
  ])("%s is read whole", (name, id) => {
    const file = parseHcl(readFileSync(join(root, `components/jobs/specs/${name}.nomad.hcl`), "utf8"));
    const job = file.blocks.find(({ type }) => type === "job");
    expect(job?.labels).toEqual([id]);
    const task = job?.blocks.find(({ type }) => type === "group")?.blocks.find(({ type }) => type === "task");
    expect(task?.blocks.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["config", "artifact", "resources"]),
    );
    expect(task?.blocks.find(({ type }) => type === "resources")?.attributes.memory).toMatch(/^\d+$/);
  });

  test.each([
    ["a block in one line", 'a "b" { c = 1 }', { c: "1" }],
    ["a text with what looks like an end", `a {\n c = ${textInText}\n}`, { c: textInText }],
    ["a text that opens no template", 'a {\n c = "$${"\n d = "%%{"\n}', { c: '"$${"', d: '"%%{"' }],
    ["a comment with a brace", "a {\n # }\n // }\n /* } */ c = 2\n}", { c: "2" }],
    ["a list over lines", "a {\n c = [\n 1, # }\n 2,\n ]\n}", { c: "[\n 1, # }\n 2,\n ]" }],
    ["an indented text", "a {\n c = <<-E\n  }\n  E\n d = 3\n}", { c: "<<-E\n  }\n  E", d: "3" }],
  ])("%s", (_, text, attributes) => {
    expect(parseHcl(text).blocks[0]?.attributes).toEqual(attributes);
  });

  test.each(["a {", 'a "b', 'a { c = "', "a { <<E", "a { c = <<E\n }", "= 1"])("is refused: %s", (text) => {
    expect(() => parseHcl(text)).toThrow();
  });
});

describe("a network", () => {
  test.each([
    ["0.0.0.0/0", "world"],
    ["128.0.0.0/1", "world"],
    ["::/0", "world"],
    ["2000::/3", "world"],
    ["fc00::/6", "world"],
    ["fc00::/7", "private"],
    ["fd00::/8", "private"],
    ["fd00:1ab::/64", "private"],
    ["10.0.0.0/8", "private"],
    ["172.16.0.0/12", "private"],
    ["172.31.255.1", "private"],
    // Begins with a private address, and is mostly others'.
    ["172.16.0.0/9", "somebody's"],
    ["192.168.0.0/15", "somebody's"],
    ["203.0.113.0/24", "somebody's"],
    ["2001:db8:7::/64", "somebody's"],
    ["2001:db8:8::/64", "private"],
    ["no network", "somebody's"],
  ])("%s is %s", (cidr, what) => {
    const own = isPrivate(cidr, ["2001:db8:8::/48"]) ? "private" : "somebody's";
    expect(isWorld(cidr) ? "world" : own).toBe(what);
  });
});

describe("secrets by their look", () => {
  test("are found", () => {
    expect(secretIn("x -----BEGIN OPENSSH PRIVATE KEY----- y")).toBe("a private key");
    expect(secretOrAssignment('export VAULT_TOKEN="s3cr3t-value"')).toBe('the value of "VAULT_TOKEN"');
    expect(secretOrAssignment("encrypt: dGhpcyBpcyBh")).toBe('the value of "encrypt"');
  });

  test.each([
    "token = var.token",
    'token=$(cat /run/token)"',
    "ssh_pwauth: false",
    "lock_passwd: true",
    "https://example.org:8443/a@b",
    "-----BEGIN CERTIFICATE-----",
    `password: ${"$"}{password}`,
    "secret_id = /run/secrets/id",
  ])("are not seen in %s", (text) => {
    expect(secretOrAssignment(text)).toBeUndefined();
  });

  test("base64 is read where it is text", () => {
    expect(decoded(Buffer.from("#cloud-config\nx: 1\n").toString("base64"))).toContain("cloud-config");
    expect(decoded("#cloud-config")).toBe("#cloud-config");
  });
});
