/** The environment in which consul, nomad, vault and curl reach the cluster. */
import { join } from "node:path";
import { CliError } from "./errors";
import { requestJson } from "./http";
import type { Outputs } from "./outputs";
import { privateDirectory, type Workspace, writePrivate } from "./workspace";

/** Files of CA certificates, one for each service, and one with all of them. */
export interface CaFiles {
  readonly consul: string;
  readonly nomad: string;
  readonly vault: string;
  readonly site: string;
  /** For curl: all roots of the cluster. */
  readonly all: string;
}

/**
 * Writes the cluster's root certificates to .hashistack/ca/<stack>/. Tools take a CA only as a path.
 * @param others roots that curl is to know besides, PEM: the public ones, where the site's certificate is public
 */
export function writeCaFiles(
  workspace: Workspace,
  stack: string,
  ca: Outputs["ca"],
  others: readonly string[] = [],
): CaFiles {
  privateDirectory(join(workspace.directory, "ca"));
  const folder = privateDirectory(join(workspace.directory, "ca", stack));
  const path = (service: string): string => join(folder, `${service}.pem`);
  for (const [service, pem] of Object.entries(ca)) writePrivate(path(service), `${pem.trim()}\n`);
  const all = [...Object.values(ca), ...others].map((pem) => `${pem.trim()}\n`);
  writePrivate(path("all"), [...new Set(all)].join(""));
  return {
    consul: path("consul"),
    nomad: path("nomad"),
    vault: path("vault"),
    site: path("site"),
    all: path("all"),
  };
}

/**
 * What the tools are told, without PATH. A tool of another name space is left alone: a variable that would override
 * one of these (a client certificate, a namespace) is named in `unset`.
 */
export function toolVariables(
  outputs: Outputs,
  files: CaFiles,
  vaultToken: string | undefined,
): { set: Record<string, string>; unset: readonly string[] } {
  const { consul, nomad, vault } = outputs.apis;
  return {
    set: {
      NOMAD_ADDR: nomad.address,
      NOMAD_CACERT: files.nomad,
      NOMAD_TLS_SERVER_NAME: nomad.serverName,
      NOMAD_TOKEN: outputs.nomadToken,
      CONSUL_HTTP_ADDR: consul.address,
      CONSUL_CACERT: files.consul,
      CONSUL_TLS_SERVER_NAME: consul.serverName,
      CONSUL_HTTP_TOKEN: outputs.consulToken,
      VAULT_ADDR: vault.address,
      VAULT_CACERT: files.vault,
      VAULT_TLS_SERVER_NAME: vault.serverName,
      ...(vaultToken ? { VAULT_TOKEN: vaultToken } : {}),
    },
    unset: [
      ...["NOMAD_CAPATH", "NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY", "NOMAD_SKIP_VERIFY", "NOMAD_TOKEN_FILE"],
      ...[
        "CONSUL_CAPATH",
        "CONSUL_CLIENT_CERT",
        "CONSUL_CLIENT_KEY",
        "CONSUL_HTTP_SSL",
        "CONSUL_HTTP_SSL_VERIFY",
      ],
      ...["CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_AUTH"],
      ...["VAULT_CAPATH", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY", "VAULT_SKIP_VERIFY", "VAULT_NAMESPACE"],
    ],
  };
}

/**
 * A configuration with which curl finds the services under the names in their certificates. Example:
 * `curl https://server.dc1.consul:8501/v1/status/leader`. A header with the token is the user's.
 */
export function renderCurlConfig(outputs: Outputs): string {
  const lines = Object.values(outputs.apis).map(({ address, serverName }) => {
    const { host, port } = new URL(address);
    return `connect-to = "${serverName}:${port || "443"}:${port ? host : `${host}:443`}"`;
  });
  return `${lines.join("\n")}\n`;
}

/** Writes curl's configuration and gives the folder for CURL_HOME. */
export function writeCurlHome(workspace: Workspace, stack: string, outputs: Outputs): string {
  privateDirectory(join(workspace.directory, "curl"));
  const folder = privateDirectory(join(workspace.directory, "curl", stack));
  writePrivate(join(folder, ".curlrc"), renderCurlConfig(outputs));
  return folder;
}

/** Logs in to Vault with the stack's AppRole; the token lives as short as the role says. */
export async function vaultLogin(outputs: Outputs): Promise<string> {
  const { path, roleId, secretId } = outputs.vaultLogin;
  const mount = path.replace(/^auth\//, "").replace(/\/(login)?$/, "");
  const answer = (await requestJson({
    url: `${outputs.apis.vault.address}/v1/auth/${mount}/login`,
    serverName: outputs.apis.vault.serverName,
    ca: outputs.ca.vault ?? "",
    method: "POST",
    body: { role_id: roleId, secret_id: secretId },
    what: "logging in to Vault",
  })) as { auth?: { client_token?: string } };
  const token = answer.auth?.client_token;
  if (!token) throw new CliError("logging in to Vault: the answer carries no token");
  return token;
}

/** Quotes one word for a POSIX shell. Example: `it's` becomes `'it'\''s'`. */
export function shellQuote(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Lines for `eval` in a POSIX shell. `path` goes before what PATH is there. */
export function renderExports(
  set: Readonly<Record<string, string>>,
  unset: readonly string[],
  path: readonly string[],
): string {
  const lines = [
    ...Object.entries(set).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    ...(unset.length > 0 ? [`unset ${unset.join(" ")}`] : []),
    ...(path.length > 0 ? [`export PATH=${shellQuote(path.join(":"))}:"$PATH"`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
