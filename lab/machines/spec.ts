import { firstHost, type Network, networkProblem } from "./addresses.js";
import { exitCodes, LabError } from "./errors.js";
import { reservedNames } from "./names.js";

/** What a machine must know to be reached for the first time. */
export interface FirstContact {
  /** The one user that logs in: sudo without a password, no password of its own. */
  readonly user: string;
  /** OpenSSH public keys. */
  readonly authorizedKeys: readonly string[];
  /** The machine's only host key, OpenSSH private format: ECDSA or ed25519. */
  readonly hostKey: string;
}

/** What `create` is asked for. */
export interface MachineSpec {
  readonly name: string;
  readonly public: boolean;
  /** TCP ports with a forward on the host's loopback. */
  readonly publicPorts: readonly number[];
  /** Whether the image carries the daemons' programs. Default true. */
  readonly bake: boolean;
  readonly network: Network;
  /** The machine's number in its networks, 2 to 10, for one whose successor shall have its addresses. Default: a free one above. */
  readonly host?: number;
  /** Limit of the machine's memory in MiB; none by default. */
  readonly memoryMb?: number;
  /** Written onto the machine's disk. Either this or `userData`. */
  readonly firstContact?: FirstContact;
  /** What cloud-init executes at the first boot, as a cloud hands it over: a `#cloud-config` document. */
  readonly userData?: string;
}

const knownKeys = [
  "name",
  "public",
  "publicPorts",
  "bake",
  "network",
  "host",
  "memoryMb",
  "firstContact",
  "userData",
];

/** Says in one sentence what is wrong with a machine's name, or undefined. */
export function nameProblem(name: unknown): string | undefined {
  if (typeof name !== "string") return "name must be a string.";
  if (!/^[a-z0-9]([a-z0-9-]{1,48})[a-z0-9]$/.test(name)) {
    return `name must be 3 to 50 of a-z, 0-9 and "-", with "-" neither first nor last, not "${name}".`;
  }
  if (reservedNames.includes(name)) return `name "${name}" is a namespace of the lab's own.`;
  return undefined;
}

/**
 * The spec in a JSON document, with defaults filled in. Throws a LabError of one sentence, with the path of what is
 * wrong, for anything else.
 */
export function parseSpec(text: string): MachineSpec {
  const raw = parseObject(text);
  const unknown = Object.keys(raw).find((key) => !knownKeys.includes(key));
  if (unknown) refuse(`"${unknown}" is not known; known are ${knownKeys.join(", ")}.`);
  const problem = nameProblem(raw.name);
  if (problem) refuse(problem);
  const spec: MachineSpec = {
    name: stringAt(raw.name, "name"),
    public: booleanAt(raw.public, "public", false),
    publicPorts: portsAt(raw.publicPorts),
    bake: booleanAt(raw.bake, "bake", true),
    network: networkAt(raw.network),
    host: hostAt(raw.host),
    memoryMb: memoryAt(raw.memoryMb),
    ...(raw.userData === undefined
      ? { firstContact: contactAt(raw.firstContact) }
      : { userData: stringAt(raw.userData, "userData") }),
  };
  if (raw.userData !== undefined && raw.firstContact !== undefined)
    refuse("firstContact and userData exclude each other.");
  if (!spec.public && spec.publicPorts.length > 0) refuse("publicPorts are for a public machine only.");
  return spec;
}

/** The name in a JSON document, which may hold more. */
export function parseName(text: string): string {
  const raw = parseObject(text);
  const problem = nameProblem(raw.name);
  if (problem) refuse(problem);
  return stringAt(raw.name, "name");
}

/** A machine and the programs that it shall have, in a JSON document. */
export function parseInstall(text: string): { name: string; programs: string[] } {
  const { programs } = parseObject(text);
  if (!Array.isArray(programs)) refuse("programs must be a list of programs' names.");
  return { name: parseName(text), programs: programs.map((each, i) => stringAt(each, `programs[${i}]`)) };
}

/** What the lab's ACME server is asked to be. */
export interface AcmeSpec {
  /** Domains that it serves, and so signs for: they and all names in them. Example: ["www.dev.test"]. */
  readonly domains: readonly string[];
  readonly network: Network;
}

const domainName = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,62}$/;

/** The same in a JSON document. */
export function parseAcme(text: string): AcmeSpec {
  const raw = parseObject(text);
  const { domains } = raw;
  if (!Array.isArray(domains) || domains.length === 0) refuse("domains must be a list of names.");
  for (const [index, name] of domains.entries()) {
    if (typeof name !== "string" || !domainName.test(name))
      refuse(`domains[${index}] must be a name such as "www.dev.test".`);
  }
  return { domains, network: networkAt(raw.network) };
}

function networkAt(value: unknown): Network {
  const { ipv4, ipv6 } = objectAt(value, "network");
  const network = { ipv4: stringAt(ipv4, "network.ipv4"), ipv6: stringAt(ipv6, "network.ipv6") };
  const trouble = networkProblem(network);
  if (trouble) refuse(trouble);
  return network;
}

function refuse(problem: string): never {
  throw new LabError(`Specification: ${problem}`, exitCodes.usage);
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse(
      text.trim() ? "standard input is not JSON." : "standard input is empty; it must be a JSON document.",
    );
  }
  return objectAt(value, "the document");
}

function objectAt(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    refuse(`${path} must be an object.`);
  return value as Record<string, unknown>;
}

function stringAt(value: unknown, path: string): string {
  if (typeof value !== "string" || value === "") refuse(`${path} must be a string.`);
  return value;
}

function booleanAt(value: unknown, path: string, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") refuse(`${path} must be true or false.`);
  return value;
}

function portsAt(value: unknown): number[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) refuse("publicPorts must be a list of TCP ports.");
  for (const [index, port] of value.entries()) {
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      refuse(`publicPorts[${index}] must be a port, 1 to 65535.`);
  }
  return [...new Set(value as number[])];
}

function hostAt(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || (value as number) < 2 || (value as number) >= firstHost)
    refuse(`host must be a whole number from 2 to ${firstHost - 1}.`);
  return value as number;
}

function memoryAt(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isInteger(value) || (value as number) < 64) refuse("memoryMb must be a whole number from 64.");
  return value as number;
}

function contactAt(value: unknown): FirstContact {
  const contact = objectAt(value, "firstContact");
  const user = stringAt(contact.user, "firstContact.user");
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(user) || user === "root")
    refuse(`firstContact.user must be a Linux user name other than root, not "${user}".`);
  return { user, authorizedKeys: keysAt(contact.authorizedKeys), hostKey: hostKeyAt(contact.hostKey) };
}

function keysAt(value: unknown): string[] {
  if (!Array.isArray(value) || value.length === 0)
    refuse("firstContact.authorizedKeys must be a list of public keys.");
  for (const [index, key] of value.entries()) {
    if (typeof key !== "string" || !/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\n]*)?\n?$/.test(key)) {
      refuse(`firstContact.authorizedKeys[${index}] must be one OpenSSH public key.`);
    }
  }
  return (value as string[]).map((key) => key.trim());
}

function hostKeyAt(value: unknown): string {
  // The key itself never goes into a message.
  if (typeof value !== "string" || !value.trimStart().startsWith("-----BEGIN OPENSSH PRIVATE KEY-----")) {
    refuse("firstContact.hostKey must be a private key in OpenSSH format.");
  }
  return `${value.trim()}\n`;
}
