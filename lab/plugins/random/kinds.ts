/**
 * The resource types of provider random 4.21 that a cluster uses. Names, types, secrets and what replaces are as in
 * pulumi-random's provider/cmd/pulumi-resource-random/schema.json (v4.21.x) and, for force-new and defaults, as in
 * hashicorp/terraform-provider-random's docs/resources. Ids are as the official provider writes them.
 */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { hash } from "bcryptjs";
import type { Property, ResourceKind, Values } from "../common/kinds";

const KEEPERS: Property = { type: "map", of: { type: "string" }, forceNew: true };

/** random:index/randomId:RandomId: nothing of it is secret. */
export const randomId: ResourceKind = {
  token: "random:index/randomId:RandomId",
  inputs: {
    byteLength: { type: "integer", required: true, forceNew: true, validate: atLeastOne },
    keepers: KEEPERS,
    prefix: { type: "string", forceNew: true },
  },
  outputs: { b64Std: {}, b64Url: {}, dec: {}, hex: {} },
  async create(inputs) {
    const bytes = randomBytes(inputs.byteLength as number);
    const prefix = (inputs.prefix as string | undefined) ?? "";
    const hex = bytes.toString("hex");
    const url = bytes.toString("base64url");
    const outputs = {
      b64Std: prefix + bytes.toString("base64"),
      b64Url: prefix + url,
      dec: prefix + BigInt(`0x${hex}`).toString(),
      hex: prefix + hex,
    };
    return { id: url, outputs };
  },
};

/**
 * random:index/randomBytes:RandomBytes: base64 and hex are secret, but the official provider uses the base64 form as
 * the resource's id, and an id is never encrypted in the state (pulumi-random's computeRandomBytesID). Key material
 * is better made from a RandomPassword.
 */
export const randomBytesKind: ResourceKind = {
  token: "random:index/randomBytes:RandomBytes",
  inputs: {
    length: { type: "integer", required: true, forceNew: true, validate: atLeastOne },
    keepers: KEEPERS,
  },
  outputs: { base64: { secret: true }, hex: { secret: true } },
  async create(inputs) {
    const bytes = randomBytes(inputs.length as number);
    const base64 = bytes.toString("base64");
    return { id: base64, outputs: { base64, hex: bytes.toString("hex") } };
  },
};

/** random:index/randomUuid:RandomUuid. */
export const randomUuid: ResourceKind = {
  token: "random:index/randomUuid:RandomUuid",
  inputs: { keepers: KEEPERS },
  outputs: { result: {} },
  async create() {
    const result = randomUUID();
    return { id: result, outputs: { result } };
  },
};

const COUNT: Property = { type: "integer", forceNew: true, default: 0, validate: notNegative };
const FLAG: Property = { type: "boolean", forceNew: true, default: true };

/** random:index/randomPassword:RandomPassword: result and bcryptHash are secret, and its id is "none". */
export const randomPassword: ResourceKind = {
  token: "random:index/randomPassword:RandomPassword",
  inputs: {
    length: { type: "integer", required: true, forceNew: true, validate: atLeastOne },
    keepers: KEEPERS,
    lower: FLAG,
    upper: FLAG,
    numeric: FLAG,
    special: FLAG,
    minLower: COUNT,
    minUpper: COUNT,
    minNumeric: COUNT,
    minSpecial: COUNT,
    overrideSpecial: { type: "string", forceNew: true },
    number: { type: "boolean", unimplemented: 'it is the deprecated name of "numeric"' },
  },
  outputs: { result: { secret: true }, bcryptHash: { secret: true } },
  check(inputs) {
    const length = inputs.length;
    const least = MINIMA.reduce(
      (sum, name) => sum + (typeof inputs[name] === "number" ? inputs[name] : 0),
      0,
    );
    if (typeof length === "number" && least > length) {
      return [
        { property: "length", reason: `length must be at least ${least}, the sum of the least counts` },
      ];
    }
    const none = ["lower", "upper", "numeric", "special"].every((name) => inputs[name] === false);
    return none ? [{ property: "lower", reason: "lower, upper, numeric and special are all false" }] : [];
  },
  async create(inputs) {
    const result = password(inputs);
    // bcrypt takes 72 bytes and leaves out the rest, here as in the official provider.
    const bcryptHash = await hash(result, 10);
    return { id: "none", outputs: { result, bcryptHash } };
  },
};

const MINIMA = ["minLower", "minUpper", "minNumeric", "minSpecial"];

function password(inputs: Values): string {
  const special = (inputs.overrideSpecial as string | undefined) || "!@#$%&*()-_=+[]{}<>:?";
  const classes: [string, string, string][] = [
    ["numeric", "minNumeric", "0123456789"],
    ["lower", "minLower", "abcdefghijklmnopqrstuvwxyz"],
    ["upper", "minUpper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
    ["special", "minSpecial", special],
  ];
  const characters: string[] = [];
  for (const [, least, alphabet] of classes) {
    for (let i = 0; i < (inputs[least] as number); i++) characters.push(oneOf(alphabet));
  }
  const all = classes.map(([flag, , alphabet]) => (inputs[flag] === true ? alphabet : "")).join("");
  while (characters.length < (inputs.length as number)) characters.push(oneOf(all));
  // The prescribed characters came first: shuffle (Fisher and Yates).
  for (let i = characters.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [characters[i], characters[j]] = [characters[j], characters[i]];
  }
  return characters.join("");
}

function oneOf(alphabet: string): string {
  return alphabet[randomInt(alphabet.length)];
}

function atLeastOne(value: unknown): string | undefined {
  return (value as number) < 1 ? "must be at least 1" : undefined;
}

function notNegative(value: unknown): string | undefined {
  return (value as number) < 0 ? "must be at least 0" : undefined;
}
