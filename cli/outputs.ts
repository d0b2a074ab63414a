/** The stack's outputs: what they are called and how they look. By these the commands know the cluster, whoever made it. */
import { z } from "zod";
import { readOutputs } from "./engine";
import { CliError } from "./errors";
import type { Workspace } from "./workspace";

const optionalText = z
  .string()
  .nullish()
  .transform((value) => value || undefined);

const machine = z.object({
  id: z.string(),
  privateIpv4: optionalText,
  privateIpv6: optionalText,
  publicIpv4: optionalText,
  publicIpv6: optionalText,
  roles: z.array(z.string()),
  /** OpenSSH public key line. Example: "ssh-ed25519 AAAA…". */
  hostKey: z.string(),
});

const api = z.object({
  /** Example: "https://127.77.0.2:8501". */
  address: z.string(),
  /** The name to verify in the certificate. */
  serverName: z.string(),
});

const schema = z.object({
  siteUrl: optionalText,
  support: z.object({
    name: z.string(),
    /** Where an admin reaches it. */
    address: z.string(),
    user: z.string(),
    hostKey: z.string(),
  }),
  loadBalancers: z
    .array(z.object({ name: z.string(), address: optionalText, privateIpv6: optionalText }))
    .default([]),
  machines: z.record(z.string(), machine),
  /** Root certificates, PEM, by service. */
  ca: z.record(z.string(), z.string()),
  apis: z.object({ consul: api, nomad: api, vault: api }),
  consulToken: z.string(),
  nomadToken: z.string(),
  vaultLogin: z.object({ roleId: z.string(), secretId: z.string(), path: z.string() }),
  sshPrivateKey: z.string(),
  /** The job that gets public certificates, where there is one. */
  acme: z
    .object({
      job: z.string(),
      namespace: z.string(),
      /** Paths in Vault's API: what came of the last run, and since when one is wanted by hand. */
      run: z.string(),
      force: z.string(),
    })
    .nullish(),
});

/** A stack's outputs, secrets in clear. */
export type Outputs = z.infer<typeof schema>;
export type Machine = z.infer<typeof machine>;
export type Api = z.infer<typeof api>;

/**
 * Checks what `pulumi stack output` gave.
 * @throws CliError that names the outputs which are missing or of another shape: the stack is not (wholly) up.
 */
export function parseOutputs(raw: unknown, stack: string): Outputs {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map((issue) => String(issue.path[0])))];
  throw new CliError(
    `stack "${stack}" is not wholly up: its output${names.length > 1 ? "s" : ""} ${names.join(", ")} ` +
      `${names.length > 1 ? "are" : "is"} missing or not as expected; run "npx hashistack up --stack ${stack}"`,
  );
}

/** Reads and checks the outputs of a stack. */
export async function loadOutputs(workspace: Workspace, stack: string): Promise<Outputs> {
  return parseOutputs(await readOutputs(workspace, stack), stack);
}
