import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type {
  RegisterResourceOutputsRequest,
  RegisterResourceRequest,
} from "@pulumi/pulumi/proto/resource_pb";
import { vi } from "vitest";
import { unpackBundle } from "../../../components/provisioning/bundle";
import { type Answers, kindOf as cloudKindOf } from "../clouds/recording";

/**
 * The stack's own program, run against mocks that write down what an engine would be asked: not only inputs, but also
 * what is marked secret in them, parents, dependencies, and what goes with what.
 */

/** A resource as the program registered it. */
export interface Recorded {
  /** Kind and name: unique in the program. Example: "remote.Command client-a-apply". */
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly custom: boolean;
  /** `id` of the parent; absent at the top. */
  readonly parent?: string;
  /** `id`s of all that come first, by `dependsOn`, by a value or as the provider. */
  readonly dependencies: readonly string[];
  readonly deletedWith?: string;
  readonly protect: boolean;
  readonly ignoreChanges: readonly string[];
  readonly secretOutputs: readonly string[];
  /** Limits of create, update and delete. Example: ["5m", "5m", "2m"]. */
  readonly timeouts: readonly string[];
  /** Set when the mocks have answered. */
  urn: string;
  /** What it was before, as the program says: another name, type or parent. */
  readonly aliases: readonly Alias[];
  /** As they go over the wire, with their marks. See `opened` and `inClear`. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** What a component says of itself in the end. */
  outputs?: unknown;
}

/** One former identity; what is left out is as it is now. */
export interface Alias {
  readonly urn?: string;
  readonly name?: string;
  readonly type?: string;
  readonly parent?: string;
  /** Whether it had no parent. */
  readonly atTop?: boolean;
}

export interface Deployment {
  readonly resources: readonly Recorded[];
  /** What the program told whoever runs it. */
  readonly told: readonly string[];
  /** The stack's outputs. */
  readonly outputs: Readonly<Record<string, pulumi.Output<unknown>>>;
}

/** Part of every secret that the mocked plugins make. */
export const canary = "canary";

/** "command:remote:Command" is "remote.Command", our own are their class, "pulumi:providers:vault" is "provider vault". */
function kindOf(type: string): string {
  const [pkg = "", module = "", name = ""] = type.split(":");
  const folder = module.split("/")[0] ?? "";
  if (pkg === "pulumi") return `provider ${name}`;
  if (pkg === "pulumi-hashistack") return name;
  if (pkg === "command") return `${folder}.${name}`;
  return folder === "index" ? `${pkg}.${name}` : `${pkg}.${folder}.${name}`;
}

/** The mark of a secret on the wire: its value, or undefined where a value is none. */
function secretIn(value: object): { value: unknown } | undefined {
  const marked = value as Record<string, unknown>;
  return marked[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig
    ? { value: marked.value }
    : undefined;
}

function walked(value: unknown, onSecret: (value: unknown) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => walked(each, onSecret));
  const secret = secretIn(value);
  if (secret) return onSecret(secret.value);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walked(each, onSecret)]));
}

/** Inputs with every secret in the open. */
export function opened<T>(value: unknown): T {
  const open = (each: unknown): unknown => walked(each, open);
  return open(value) as T;
}

/** Inputs as they would lie in the state for everybody to read. */
export function inClear<T>(value: unknown): T {
  return walked(value, () => "[secret]") as T;
}

/** Whether a whole value is secret. */
export function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && secretIn(value) !== undefined;
}

const numbers = new Map<string, number>();

/** A slot's number, the same in every deployment, so that a machine more gives no other machine another address. */
function numberOf(name: string): number {
  const number = numbers.get(name) ?? numbers.size + 2;
  numbers.set(name, number);
  return number;
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

/** What the cloud answers for a slot. */
export function addressesOf(name: string) {
  const n = numberOf(name);
  return {
    privateIpv4: `198.51.100.${n}`,
    privateIpv6: `fd00:1ab::${n.toString(16)}`,
    publicIpv4: `203.0.113.${n}`,
    forwardAddress: `127.77.0.${n}`,
  };
}

/** What the plugins would answer; what of it is secret carries the canary. */
function stateOf({ type, name, inputs }: pulumi.runtime.MockResourceArgs): Record<string, unknown> {
  const kind = kindOf(type);
  const asked = opened<Record<string, unknown>>(inputs);
  const secret = (what: string) => `${canary}-${what}-${name}`;
  switch (kind) {
    case "local.Command": {
      const { privateIpv4, privateIpv6, ...outside } = addressesOf(name);
      const { public: isPublic } = JSON.parse(String(asked.stdin)) as { public: boolean };
      const id = `${name}.${shortHash(name)}`;
      const answer = { id, privateIpv4, privateIpv6, ...(isPublic ? outside : {}) };
      // A command whose input is secret has secret answers.
      return { ...inputs, stdout: pulumi.secret(JSON.stringify(answer)) };
    }
    case "remote.Command": {
      const recoveryKeys = [1, 2, 3].map((n) => secret(`recovery-key-${n}`));
      const answer = { recoveryKeys, path: `${shortHash(name)}/${name}`, sha256: shortHash(name).repeat(8) };
      return { ...inputs, stdout: JSON.stringify(answer), stderr: secret("stderr") };
    }
    case "random.RandomId":
      return { ...inputs, hex: `${asked.prefix}${shortHash(name)}` };
    case "random.RandomPassword":
      return { ...inputs, result: secret("password").padEnd(Number(asked.length), "x") };
    case "tls.PrivateKey":
      return {
        ...inputs,
        privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${secret("pem")}\n-----END PRIVATE KEY-----\n`,
        privateKeyOpenssh: `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret("openssh")}\n-----END OPENSSH PRIVATE KEY-----\n`,
        publicKeyPem: `public key of ${name}\n`,
        publicKeyOpenssh: `ssh-ed25519 public-${name}\n`,
      };
    case "vault.jwt.AuthBackend":
      return { ...inputs, accessor: `auth_jwt_${shortHash(name)}` };
    default:
      return type.startsWith("tls:")
        ? { ...inputs, certPem: `certificate of ${name}\n`, certRequestPem: `request of ${name}\n` }
        : inputs;
  }
}

type Answered<T> = (error: unknown, response: T) => void;
/** The parts of the mocks' monitor that are listened to. */
interface Monitor {
  registerResource(req: RegisterResourceRequest, answered: Answered<{ getUrn(): string }>): Promise<void>;
  registerResourceOutputs(req: RegisterResourceOutputsRequest, answered: Answered<unknown>): void;
}

/** A command's inputs with its bundle as plain JSON, so that a search for secrets sees into it; its marks are kept. */
function unpacked(inputs: Record<string, unknown>): Record<string, unknown> {
  const packed = opened(inputs.stdin);
  if (typeof packed !== "string" || packed === pulumi.runtime.unknownValue) return inputs;
  const plain = JSON.stringify(unpackBundle(packed));
  const stdin = isSecret(inputs.stdin) ? { ...(inputs.stdin as object), value: plain } : plain;
  return { ...inputs, stdin };
}

/** What a machine is told by a command. */
export function bundleOf(one: Recorded): {
  machine: string;
  timeoutSeconds: number;
  input: Record<string, unknown>;
} {
  return JSON.parse(opened<string>(one.inputs.stdin));
}

function recorded(req: RegisterResourceRequest, idOf: (urn: string) => string): Recorded {
  const kind = kindOf(req.getType());
  const limits = req.getCustomtimeouts();
  const inputs: Record<string, unknown> = req.getObject()?.toJavaScript() ?? {};
  // A provider is named by its URN and its id.
  const provider = req.getProvider().split("::").slice(0, -1).join("::");
  const before = [...req.getDependenciesList(), ...(provider ? [provider] : [])];
  const aliases = req.getAliasesList().map((alias): Alias => {
    const spec = alias.getSpec();
    if (!spec) return { urn: alias.getUrn() };
    return {
      ...(spec.getName() ? { name: spec.getName() } : {}),
      ...(spec.getType() ? { type: spec.getType() } : {}),
      ...(spec.getParenturn() ? { parent: spec.getParenturn() } : {}),
      ...(spec.getNoparent() ? { atTop: true } : {}),
    };
  });
  return {
    id: `${kind} ${req.getName()}`,
    urn: "",
    aliases,
    kind,
    name: req.getName(),
    custom: req.getCustom(),
    ...(req.getParent() ? { parent: idOf(req.getParent()) } : {}),
    dependencies: [...new Set(before.map(idOf))].sort(),
    ...(req.getDeletedwith() ? { deletedWith: idOf(req.getDeletedwith()) } : {}),
    protect: req.getProtect() ?? false,
    ignoreChanges: req.getIgnorechangesList(),
    secretOutputs: req.getAdditionalsecretoutputsList(),
    timeouts: limits ? [limits.getCreate(), limits.getUpdate(), limits.getDelete()] : [],
    inputs: kind === "remote.Command" ? unpacked(inputs) : inputs,
  };
}

/** A resource by its `id`. */
export function resourceOf(deployment: Deployment, id: string): Recorded {
  const found = deployment.resources.find((each) => each.id === id);
  if (!found) throw new Error(`the program made no ${id}`);
  return found;
}

/** Listens to what the program asks of the engine, and marks as secret what an engine would. */
function listen(monitor: Monitor, found: Map<string, Recorded>, secretOutputs: Map<string, string[]>): void {
  const idOf = (urn: string): string => {
    const known = found.get(urn);
    if (!known) throw new Error(`${urn} is named before it was made`);
    return known.id;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (req, answered) => {
    const one = recorded(req, idOf);
    secretOutputs.set(`${req.getType()} ${req.getName()}`, req.getAdditionalsecretoutputsList());
    return register(req, (error, response) => {
      if (!error) {
        if (found.has(response.getUrn())) throw new Error(`two resources are ${response.getUrn()}`);
        one.urn = response.getUrn();
        found.set(one.urn, one);
      }
      answered(error, response);
    });
  };
  const finish = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (req, answered) => {
    const one = found.get(req.getUrn());
    if (one) one.outputs = req.getOutputs()?.toJavaScript();
    finish(req, answered);
  };
}

/** Where the program is not the project's own, or its machines are not local. */
export interface Elsewhere {
  /** What runs. Default: the index.ts of the project. */
  program?(): Promise<object>;
  /** What the plugins of another cloud answer. */
  answers?: Answers;
}

/**
 * Runs the program.
 * @param config a stack's configuration, every value a text
 * @param preview whether this is the preview of a first `up`: nothing is known of what does not exist
 */
export async function deploy(
  config: Record<string, string>,
  preview = false,
  { program = () => import("../../../index.js"), answers }: Elsewhere = {},
): Promise<Deployment> {
  const found = new Map<string, Recorded>();
  const secretOutputs = new Map<string, string[]>();
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        if (preview) return { id: "", state: args.inputs };
        const asked = { kind: cloudKindOf(args.type), name: args.name, inputs: args.inputs };
        const state = { ...stateOf(args), ...answers?.resource?.(asked) };
        for (const name of secretOutputs.get(`${args.type} ${args.name}`) ?? []) {
          state[name] = pulumi.secret(state[name]);
        }
        return { id: args.custom ? `${args.name}-id` : "", state };
      },
      call: ({ token, inputs }) => ({ ...inputs, ...answers?.call?.(token, inputs) }),
    },
    "hashistack",
    "dev",
    preview,
  );
  listen(pulumi.runtime.getMonitor() as unknown as Monitor, found, secretOutputs);
  pulumi.runtime.setAllConfig(config);
  // The program writes the provider's CA below the working directory, where a real stack may have its own.
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  // Where it looks for the lab's program.
  symlinkSync(join(before, "node_modules"), join(folder, "node_modules"));
  process.chdir(folder);
  const told: string[] = [];
  const log = vi.spyOn(pulumi.log, "info").mockImplementation(async (message) => void told.push(message));
  try {
    vi.resetModules();
    const outputs = { ...(await program()) } as unknown as Deployment["outputs"];
    await pulumi.runtime.disconnect();
    return { resources: [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), told, outputs };
  } finally {
    log.mockRestore();
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}
