/** The local machines need root. Where the user has sudo, the command that needs it starts itself again through sudo. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CliError } from "./errors";
import type { Workspace } from "./workspace";

/**
 * Variables that are kept across sudo: where caches and state lie, how downloads go, and what the user set for Pulumi
 * and the lab. All else is sudo's own clean environment.
 */
export const KEPT = [
  ...[
    "HOME",
    "XDG_CACHE_HOME",
    "HASHISTACK_CACHE",
    "HASHISTACK_RELEASES",
    "HASHISTACK_LAB",
    "CI",
    "NO_COLOR",
  ],
  ...[
    "HASHISTACK_PLUGIN_RANDOM",
    "HASHISTACK_PLUGIN_TLS",
    "HASHISTACK_PLUGIN_COMMAND",
    "HASHISTACK_PLUGIN_VAULT",
  ],
  ...["PULUMI_BACKEND_URL", "PULUMI_HOME", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"],
  ...["PULUMI_ACCESS_TOKEN", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOCACHE", "GOMODCACHE", "GOTOOLCHAIN"],
  ...["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"],
  // sudo puts a PATH of its own in place; ours travels under this name.
  "HASHISTACK_USER_PATH",
] as const;

/** Whether the stack's settings ask for machines inside this host. They are the default cloud. */
export function usesLocalCloud(settings: string): boolean {
  const said = settings.replace(/(^|\s)#.*$/gm, "");
  const kind = /^[ \t]*["']?hashistack:cloud["']?:[\s\S]*?\bkind["']?:[ \t]*["']?(\w+)/m.exec(said)?.[1];
  return kind === undefined || kind === "local";
}

/** Takes back the PATH that travelled through sudo; a user's own often lacks the folders of root's programs. */
export function restoreUserPath(env: NodeJS.ProcessEnv): void {
  if (!env.HASHISTACK_USER_PATH) return;
  env.PATH = [env.HASHISTACK_USER_PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":");
  delete env.HASHISTACK_USER_PATH;
}

/**
 * Runs this program again as root where the stack needs it and this process has it not. Gives the exit code of that
 * run, or undefined when the caller shall go on itself.
 * @throws CliError when root is needed and sudo cannot give it without a question.
 */
export async function runAsRoot(
  workspace: Workspace,
  stack: string,
  args: readonly string[],
): Promise<number | undefined> {
  if (process.getuid?.() === 0) return undefined;
  const file = join(workspace.root, `Pulumi.${stack}.yaml`);
  const settings = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (!usesLocalCloud(settings)) return undefined;
  const program = resolve(__dirname, "../../cli/bin/hashistack.js");
  const env = { ...process.env, HASHISTACK_USER_PATH: process.env.PATH ?? "" };
  const words = [
    `--preserve-env=${KEPT.join(",")}`,
    process.execPath,
    program,
    ...args,
    "--cwd",
    workspace.root,
  ];
  const interactive = process.stdin.isTTY === true;
  return new Promise((done, fail) => {
    const child = spawn("sudo", [...(interactive ? [] : ["-n"]), ...words], { stdio: "inherit", env });
    // The terminal's Ctrl-C reaches the command behind sudo by itself.
    const ignore = (): void => {};
    process.on("SIGINT", ignore);
    child.once("error", () => {
      process.off("SIGINT", ignore);
      fail(new CliError("the local machines need root, and there is no sudo: run this as root"));
    });
    child.once("close", (code) => {
      process.off("SIGINT", ignore);
      done(code ?? 1);
    });
  });
}
