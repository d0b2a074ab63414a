import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containsUnknown, plain, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";

const ID = "random:index/randomId:RandomId";
const BYTES = "random:index/randomBytes:RandomBytes";
const UUID = "random:index/randomUuid:RandomUuid";
const PASSWORD = "random:index/randomPassword:RandomPassword";

let plugin: PluginUnderTest;
beforeAll(async () => {
  plugin = await PluginUnderTest.start("random");
});
afterAll(async () => {
  await plugin?.stop();
});

function open(properties: Values): Record<string, string> {
  return plain(properties) as Record<string, string>;
}

describe("random provider", () => {
  it("names a version of 4.x", async () => {
    expect(await plugin.version()).toMatch(/^v?4\./);
  });

  describe("RandomId", () => {
    it("gives the same bytes in every form, each with the prefix", async () => {
      const made = await plugin.make(ID, { byteLength: 5, prefix: "n-" });
      const { hex, dec, b64Std, b64Url, byteLength, prefix } = open(made.properties);
      expect([byteLength, prefix]).toEqual([5, "n-"]);
      const bytes = Buffer.from(hex.slice(2), "hex");
      expect(bytes).toHaveLength(5);
      expect(hex).toMatch(/^n-[0-9a-f]{10}$/);
      expect(dec).toBe(`n-${BigInt(`0x${bytes.toString("hex")}`)}`);
      expect(b64Std).toBe(`n-${bytes.toString("base64")}`);
      expect(b64Url).toBe(`n-${bytes.toString("base64url")}`);
      expect(made.id).toBe(bytes.toString("base64url"));
    });

    it("differs from one resource to the next, and is no secret", async () => {
      const [one, two] = [await plugin.make(ID, { byteLength: 8 }), await plugin.make(ID, { byteLength: 8 })];
      expect(open(one.properties).hex).not.toBe(open(two.properties).hex);
      expect(secretIn(one.properties, "hex")).toBe(false);
    });

    it.each([
      ["byteLength", { byteLength: 5 }, { byteLength: 6 }],
      ["prefix", { byteLength: 5, prefix: "a" }, { byteLength: 5, prefix: "b" }],
      ["keepers", { byteLength: 5, keepers: { image: "1" } }, { byteLength: 5, keepers: { image: "2" } }],
      ["keepers", { byteLength: 5 }, { byteLength: 5, keepers: { image: "2" } }],
    ])("is replaced when %s changes", async (property, before, after) => {
      const old = await plugin.make(ID, before);
      const diff = await plugin.diff(ID, old.id, old.properties, old.inputs, await plugin.checked(ID, after));
      expect(diff.changed).toBe(true);
      expect(diff.replaces.map((path) => path.split(/[.[]/)[0])).toContain(property);
    });

    it("has no difference when nothing changes", async () => {
      const inputs = { byteLength: 5, keepers: { image: "1" }, prefix: "x" };
      const old = await plugin.make(ID, inputs);
      const diff = await plugin.diff(
        ID,
        old.id,
        old.properties,
        old.inputs,
        await plugin.checked(ID, inputs),
      );
      expect(diff).toEqual({ changed: false, replaces: [], detailed: {} });
    });

    it("is replaced at preview when a keeper is not known yet", async () => {
      const old = await plugin.make(ID, { byteLength: 5, keepers: { machine: "1" } });
      const news = await plugin.checked(ID, { byteLength: 5, keepers: { machine: UNKNOWN } });
      expect((await plugin.diff(ID, old.id, old.properties, old.inputs, news)).replaces).not.toEqual([]);
    });

    it("leaves its results unknown at preview, and keeps what is known", async () => {
      const inputs = await plugin.checked(ID, { byteLength: 5, prefix: UNKNOWN });
      const { properties } = await plugin.create(ID, inputs, { preview: true });
      expect(containsUnknown(properties.hex)).toBe(true);
      expect(containsUnknown(properties.prefix)).toBe(true);
      expect(properties.byteLength).toBe(5);
    });

    it("reads as the state has it, and deletes", async () => {
      const made = await plugin.make(ID, { byteLength: 5 });
      const read = await plugin.read(ID, made.id, made.properties, made.inputs);
      expect(read.id).toBe(made.id);
      expect(open(read.properties).hex).toBe(open(made.properties).hex);
      await plugin.delete(ID, made);
    });

    it("refuses an unknown property, a missing one, a wrong type and a wrong length", async () => {
      expect((await plugin.check(ID, { byteLength: 5, bytelength: 5 })).failures[0].reason).toContain(
        "bytelength",
      );
      expect((await plugin.check(ID, {})).failures[0].reason).toMatch(/byteLength/);
      expect((await plugin.check(ID, { byteLength: "many" })).failures[0].reason).toMatch(/byteLength/);
      await expect(plugin.make(ID, { byteLength: 0 })).rejects.toThrow(/byteLength|at least 1/i);
    });
  });

  describe("RandomBytes", () => {
    it("marks both forms secret, and they agree", async () => {
      const made = await plugin.make(BYTES, { length: 32 });
      expect(secretIn(made.properties, "base64")).toBe(true);
      expect(secretIn(made.properties, "hex")).toBe(true);
      const { base64, hex } = open(made.properties);
      expect(Buffer.from(base64, "base64")).toHaveLength(32);
      expect(Buffer.from(base64, "base64").toString("hex")).toBe(hex);
      // The trap that the official provider lays: the id is the secret.
      expect(made.id).toBe(base64);
    });

    it("marks them secret at preview too", async () => {
      const inputs = await plugin.checked(BYTES, { length: 32 });
      const { properties } = await plugin.create(BYTES, inputs, { preview: true });
      expect(containsUnknown(plain(properties.base64))).toBe(true);
    });

    it("is replaced when its length changes, and not when only the secrecy of an input does", async () => {
      const old = await plugin.make(BYTES, { length: 16, keepers: { a: "1" } });
      const longer = await plugin.checked(BYTES, { length: 32, keepers: { a: "1" } });
      expect((await plugin.diff(BYTES, old.id, old.properties, old.inputs, longer)).replaces).toEqual([
        "length",
      ]);
      const hidden = await plugin.checked(BYTES, { length: 16, keepers: { a: secretOf("1") } });
      expect((await plugin.diff(BYTES, old.id, old.properties, old.inputs, hidden)).replaces).toEqual([]);
    });
  });

  describe("RandomUuid", () => {
    it("gives a UUID, which is its id", async () => {
      const made = await plugin.make(UUID, { keepers: { a: "1" } });
      const { result } = open(made.properties);
      expect(result).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
      expect(made.id).toBe(result);
    });
  });

  describe("RandomPassword", () => {
    it("has the length and the characters asked for, is secret, and its id tells nothing", async () => {
      const made = await plugin.make(PASSWORD, { length: 43, special: false, minUpper: 3, minNumeric: 2 });
      const { result, bcryptHash } = open(made.properties);
      expect(result).toMatch(/^[A-Za-z0-9]{43}$/);
      expect(result.replace(/[^A-Z]/g, "").length).toBeGreaterThanOrEqual(3);
      expect(result.replace(/[^0-9]/g, "").length).toBeGreaterThanOrEqual(2);
      expect(bcryptHash).toMatch(/^\$2[ab]\$10\$.{53}$/);
      expect([secretIn(made.properties, "result"), secretIn(made.properties, "bcryptHash")]).toEqual([
        true,
        true,
      ]);
      expect(made.id).toBe("none");
    });

    it("takes its special characters from overrideSpecial", async () => {
      const inputs = { length: 20, upper: false, lower: false, numeric: false, overrideSpecial: "-_" };
      expect(open((await plugin.make(PASSWORD, inputs)).properties).result).toMatch(/^[-_]{20}$/);
    });

    it("refuses least counts that do not fit", async () => {
      await expect(plugin.make(PASSWORD, { length: 3, minUpper: 2, minLower: 2 })).rejects.toThrow(/length/i);
    });
  });

  it("refuses a type that it does not have", async () => {
    await expect(plugin.make("random:index/randomNothing:RandomNothing", {})).rejects.toThrow(
      /[rR]andomNothing/,
    );
  });

  it("ends when the engine is gone", async () => {
    const second = await PluginUnderTest.start("random");
    if (second.official) return void (await second.stop());
    expect(await second.lostEngine()).toBe(0);
  });
});

function secretOf(value: unknown): unknown {
  return { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value };
}
