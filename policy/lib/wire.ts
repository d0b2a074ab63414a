/**
 * Values as the engine hands them over. What `@pulumi/policy` gives a rule has lost which values are secret; here they
 * keep that mark, and what is not known yet is told apart from what is absent.
 */

/** Property that marks what is no plain object (@pulumi/pulumi, runtime/rpc.ts). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** What stands for a value that is not known at preview, by its kind (@pulumi/policy, proxy.ts). */
const UNKNOWN = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** Thrown by the look at a value that only `up` will know. Whoever runs a rule collects it: neither alarm nor pass. */
export class NotKnownYet extends Error {
  constructor(readonly path: string) {
    super(`${path} is not known yet`);
  }
}

/** A value's mark taken off. */
function unwrapped(wire: unknown): { value: unknown; secret: boolean } {
  let value = wire;
  let secret = false;
  while (isObject(value) && value[SIGNATURE] === SECRET) {
    secret = true;
    value = value.value;
  }
  return { value, secret };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUnknown(value: unknown): boolean {
  return typeof value === "string" && UNKNOWN.has(value);
}

/** A text somewhere inside a value. */
export interface Leaf {
  /** Example: "connection.proxy.privateKey". */
  readonly path: string;
  /** Last part of the path that is a name. Example: "privateKey". */
  readonly key: string;
  readonly value: string | number | boolean;
  readonly secret: boolean;
}

/** A place in a resource's properties. */
export class Cursor {
  constructor(
    private readonly wire: unknown,
    /** From the resource on. Example: "inbounds[0]". */
    readonly path = "",
    private readonly inSecret = false,
  ) {}

  /** Whether something is there, known or not. Example: has("connection.proxy"). */
  has(path: string): boolean {
    const { value } = this.reach(path);
    return value !== undefined && value !== null;
  }

  /** A text; undefined where there is none. Throws NotKnownYet. */
  text(path: string): string | undefined {
    const value = this.known(path);
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  }

  /** A number, also one that is written as a text. Throws NotKnownYet. */
  number(path: string): number | undefined {
    const text = this.text(path);
    const value = Number(text);
    return text === undefined || text === "" || Number.isNaN(value) ? undefined : value;
  }

  /** Whether it is true, also as the text that a provider's own properties are. Throws NotKnownYet. */
  flag(path: string): boolean {
    const value = this.known(path);
    return value === true || value === "true";
  }

  /** The texts of a list; none where there is no list. Throws NotKnownYet. */
  texts(path: string): string[] {
    return this.items(path).flatMap((item) => item.text("") ?? []);
  }

  /** The members of a list; none where there is no list. Throws NotKnownYet where the list itself is unknown. */
  items(path: string): Cursor[] {
    const { value, secret, at } = this.reach(path);
    if (isUnknown(value)) throw new NotKnownYet(at);
    if (!Array.isArray(value)) return [];
    return value.map((each, index) => new Cursor(each, `${at}[${index}]`, secret));
  }

  /** Whether what is there lies encrypted in the state. Throws NotKnownYet: an unknown value has lost its mark. */
  isSecret(path: string): boolean {
    const { value, secret, at } = this.reach(path);
    if (secret) return true;
    if (isUnknown(value)) throw new NotKnownYet(at);
    return false;
  }

  /** All that is known below; `unknown` is told of each place that is not. */
  leaves(unknown: (path: string) => void = () => {}): Leaf[] {
    const found: Leaf[] = [];
    const walk = (wire: unknown, path: string, key: string, within: boolean): void => {
      const { value, secret: own } = unwrapped(wire);
      const secret = own || within;
      if (isUnknown(value)) unknown(path);
      else if (Array.isArray(value)) {
        value.forEach((each, index) => {
          walk(each, `${path}[${index}]`, key, secret);
        });
      } else if (isObject(value)) {
        for (const [name, each] of Object.entries(value))
          walk(each, path ? `${path}.${name}` : name, name, secret);
      } else if (["string", "number", "boolean"].includes(typeof value)) {
        found.push({ path, key, value: value as Leaf["value"], secret });
      }
    };
    walk(this.wire, this.path, "", this.inSecret);
    return found;
  }

  private known(path: string): unknown {
    const { value, at } = this.reach(path);
    if (isUnknown(value)) throw new NotKnownYet(at);
    return value;
  }

  private reach(path: string): { value: unknown; secret: boolean; at: string } {
    let { value, secret } = unwrapped(this.wire);
    secret ||= this.inSecret;
    const gone: string[] = [];
    for (const name of path === "" ? [] : path.split(".")) {
      // Of an unknown whole every part is unknown.
      if (isUnknown(value)) break;
      gone.push(name);
      const next = unwrapped(isObject(value) ? value[name] : undefined);
      value = next.value;
      secret ||= next.secret;
    }
    return { value, secret, at: [this.path, ...gone].filter(Boolean).join(".") };
  }
}
