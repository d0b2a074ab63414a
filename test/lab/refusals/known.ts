import type { ApplyInput } from "../../../components/provisioning/apply";
import { unpackBundle } from "../../../components/provisioning/bundle";
import type { StateResource } from "../support/trial";

/** Every secret of a stack, from its state with secrets in clear. */

/** `--show-secrets` shows a secret as an object with its JSON. */
export function plain<T>(value: unknown): T {
  const hidden = value as { plaintext?: string } | undefined;
  return (typeof hidden?.plaintext === "string" ? JSON.parse(hidden.plaintext) : value) as T;
}

const nameOf = ({ urn }: StateResource) => urn.slice(urn.lastIndexOf("::") + 2);

/** What a machine was told by a command. */
function told(resource: StateResource): unknown {
  return unpackBundle(plain<string>(resource.inputs?.stdin)).input;
}

const isRemote = ({ type }: StateResource) => type.startsWith("command:remote");

/** A machine's plan, as its last apply was told of it. */
export function planOf(state: readonly StateResource[], machine: string): ApplyInput {
  const found = state.find((one) => isRemote(one) && nameOf(one) === `${machine}-apply`);
  if (!found) throw new Error(`the state has no plan of ${machine}`);
  return told(found) as ApplyInput;
}

/** Names under which bundles and the files in them carry a secret; all of `tokens` are. */
const secretNames = new Set(["authKey", "encrypt", "token", "SecretID", "secretId", "transitKey"]);

/** By what they are: "consul-root key", "client-a-apply authKey". No two are equal. */
export function secretsOf(state: readonly StateResource[]): Map<string, string> {
  const found = new Map<string, string>();
  const known = new Set<string>();
  const add = (what: string, secret: unknown): void => {
    if (typeof secret !== "string" || known.has(secret)) return;
    if (secret.length < 16) throw new Error(`${what} is too short for a secret`);
    known.add(secret);
    found.set(found.has(what) ? `${what} ${found.size}` : what, secret);
  };
  const walk = (what: string, name: string, value: unknown, within: string): void => {
    if (typeof value === "string") {
      if (secretNames.has(name) || within === "tokens") add(`${what} ${name}`, value);
      else for (const line of privateLines(value)) add(`${what} key`, line);
      // Files of JSON in a plan.
      if (/^\s*\{/.test(value) && value.trimEnd().endsWith("}")) {
        const inner = parsed(value);
        if (inner) walk(what, name, inner, "");
      }
    } else if (typeof value === "object" && value !== null) {
      const inside = Array.isArray(value) ? "" : name;
      for (const [key, each] of Object.entries(value)) walk(what, key, each, inside);
    }
  };
  for (const resource of state) {
    const name = nameOf(resource);
    if (resource.type.endsWith(":PrivateKey")) {
      for (const form of ["privateKeyPem", "privateKeyOpenssh"]) {
        const pem = plain<string>(resource.outputs?.[form]) ?? "";
        for (const line of privateLines(pem)) add(`${name} ${form}`, line);
      }
    } else if (resource.type.endsWith(":RandomPassword")) {
      add(name, plain(resource.outputs?.result));
    } else if (isRemote(resource) && resource.inputs?.stdin) {
      walk(name, "", told(resource), "");
    } else if (resource.type === "pulumi:pulumi:Stack") {
      const outputs = resource.outputs ?? {};
      for (const output of ["consulToken", "nomadToken"]) add(output, plain(outputs[output]));
      add("vaultLogin", plain<{ secretId: string }>(outputs.vaultLogin).secretId);
      for (const key of plain<string[]>(outputs.recoveryKeys)) add("recovery key", key);
    }
  }
  return found;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of each private key in a text the line with the private part: OpenSSH's begins like all others of its kind. */
export function privateLines(text: string): string[] {
  return [...text.matchAll(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----\n([^-]+?)-----END/g)].map(
    ([, kind, body = ""]) => {
      const lines = body.split("\n").filter(Boolean);
      return lines.at(kind === "OPENSSH " ? -2 : 0) as string;
    },
  );
}
