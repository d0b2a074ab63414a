import { readFileSync } from "node:fs";
import * as path from "node:path";
import { parseSettings } from "../../../components/settings/parse";
import { SettingsError } from "../../../components/settings/problems";

// It comes with the Pulumi SDK, which reads its own files by it.
const yaml = require("js-yaml") as { load(text: string): unknown };

export const root = path.join(__dirname, "../../..");

/** The configuration of a stack's file as the engine hands it to the program: every value a text. */
export function configOf(file: string): Record<string, string> {
  const stack = yaml.load(readFileSync(path.join(root, file), "utf8")) as { config: Record<string, unknown> };
  return Object.fromEntries(
    Object.entries(stack.config).map(([key, value]) => [
      key,
      typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
}

export const devStack = "Pulumi.dev.yaml";
export const separateServers = "examples/separate-servers/Pulumi.dev.yaml";

/** The same with all three dashboards published. */
export function publishing(config: Record<string, string>): Record<string, string> {
  const groups = ["staff"];
  return {
    ...config,
    "hashistack:site": JSON.stringify({
      ...JSON.parse(config["hashistack:site"] ?? "{}"),
      ingress: "traefik",
    }),
    "hashistack:auth": JSON.stringify({
      ...{ issuer: "https://id.example.org", clientId: "hashistack", clientSecret: "s3cret" },
      dashboards: { nomad: groups, consul: groups, vault: groups },
    }),
  };
}

/** Settings with nothing wrong, as plain data to change. Everything but `name` and `groups` is left to its default. */
export function goodSettings() {
  return {
    name: "dev",
    groups: {
      support: { roles: ["support"], keys: ["a"] },
      control: { roles: ["consul-server", "vault-server", "nomad-server"], keys: ["a", "b", "c"] },
      client: { roles: ["nomad-client"], keys: ["a", "b"] },
      edge: { roles: ["nomad-client"], keys: ["a", "b"], nodeClass: "load-balancer" },
    } as Record<
      string,
      { roles: string[]; keys: string[]; nodeClass?: string; public?: boolean; size?: string }
    >,
  };
}

/** The problems of settings, one line each; none where they are good. */
export function problemsOf(raw: unknown): string[] {
  try {
    parseSettings(raw);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.message.split("\n");
  }
}
