import { readFileSync } from "node:fs";
import { CliError } from "../../cli/errors";
import { startLinodeApi } from "../../lab/linode";

// It comes with the Pulumi SDK, which reads its own files by it.
const yaml = require("js-yaml") as { load(text: string): unknown };

interface StackFile {
  config?: { "hashistack:dns"?: { provider?: string; domain?: string } };
}

/** An emulated Linode for a preview: what a program looks up is answered, and nothing is made. */
export interface Rehearsal {
  readonly env: { readonly LINODE_URL: string; readonly LINODE_TOKEN: string };
  close(): Promise<void>;
}

/**
 * Starts it, with the domain that the stack's settings say is there already.
 * @param settings path of the stack's file
 */
export async function rehearseLinode(settings: string): Promise<Rehearsal> {
  const { config } = yaml.load(readFileSync(settings, "utf8")) as StackFile;
  const api = await startLinodeApi();
  const env = { LINODE_URL: api.url, LINODE_TOKEN: "rehearsal" };
  const dns = config?.["hashistack:dns"];
  try {
    if (dns?.provider === "linode" && dns.domain) await addDomain(env, dns.domain);
  } catch (error) {
    await api.close();
    throw error;
  }
  return { env, close: () => api.close() };
}

async function addDomain(env: { LINODE_URL: string; LINODE_TOKEN: string }, domain: string): Promise<void> {
  const answer = await fetch(`${env.LINODE_URL}/v4/domains`, {
    method: "POST",
    headers: { authorization: `Bearer ${env.LINODE_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ domain, type: "master", soa_email: `hostmaster@${domain}` }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok)
    throw new CliError(`the emulated Linode refused the domain ${domain}: ${await answer.text()}`);
}
