import fc from "fast-check";
import { expect, test } from "vitest";
import { type Cidr, hostCidr, overlap, parseCidr, sizeOf } from "../../../components/topology/cidr";

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (typeof parsed === "string") throw new Error(`${text} ${parsed}`);
  return parsed;
};

test("any text is a network or a reason", () => {
  const near = fc.stringMatching(/^[0-9a-f.:]{0,20}\/\d{0,3}$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      const parsed = parseCidr(text);
      expect(typeof parsed === "string" ? parsed.length : parsed.bits + 9).toBeGreaterThan(8);
    }),
  );
});

test("every address is a network of its own, and overlaps exactly itself", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.oneof(fc.ipV4(), fc.ipV6()), (a, b) => {
      const [one, other] = [cidr(hostCidr(a)), cidr(hostCidr(b))];
      expect(sizeOf(one)).toBe(1);
      expect(overlap(one, one)).toBe(true);
      expect(overlap(one, other)).toBe(
        one.address.toNormalizedString() === other.address.toNormalizedString(),
      );
    }),
  );
});

test("a network overlaps what lies in it, whichever is named first", () => {
  const [wide, narrow, beside] = [cidr("10.0.0.0/8"), cidr("10.9.0.0/16"), cidr("11.0.0.0/16")];
  expect([overlap(wide, narrow), overlap(narrow, wide), overlap(narrow, beside)]).toEqual([
    true,
    true,
    false,
  ]);
  expect(overlap(cidr("fd00:1ab::/64"), cidr("fd00:1ab:ff::10/128"))).toBe(false);
  expect(overlap(cidr("0.0.0.0/0"), cidr("::/0"))).toBe(false);
});

test("sizes", () => {
  expect(["198.51.100.0/24", "10.0.0.0/29"].map((text) => sizeOf(cidr(text)))).toEqual([256, 8]);
  expect(sizeOf(cidr("fd00::/64"))).toBeGreaterThan(1e9);
});
