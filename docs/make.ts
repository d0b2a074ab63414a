import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { namespace, parseSettings, rawSettings } from "../components/settings/parse";
import { stackSchema, stackSchemaText } from "../components/settings/stack-schema";
import { portsMarkdown } from "../components/topology/ports-markdown";
import { topologyOf } from "../components/topology/topology";
import { clusterPicture } from "./picture";
import { planMarkdown } from "./plan-markdown";
import { policyMarkdown } from "./policy-markdown";
import { settingsMarkdown } from "./settings-markdown";
import { withAlignedTables } from "./tables";
import { versionsMarkdown } from "./versions-markdown";

/**
 * Writes all that is made and not written: settings.schema.json, docs/plan.md, docs/policy.md, docs/ports.md, docs/settings.md,
 * docs/cluster.svg, the versions in the README, and the prices that the policy pack, a package of its own, counts with. Run: npm run docs
 */

// It comes with the Pulumi SDK, which reads its own files by it.
const yaml = require("js-yaml") as { load(text: string): unknown };

const portsPreface = `# Ports

What is not here is closed. From this one table, [components/topology/ports.ts](../components/topology/ports.ts), come the
ports that a cloud lets through, each machine's firewalld zones and this file (\`npm run docs\`). Tried on running
machines, allowed and refused, in [test/lab/cluster/refusals.ts](../test/lab/cluster/refusals.ts).

"members": every machine but support. "admins": hosts in \`adminCidrs\`. "world": anybody. A role: the machines that have
it. "gateway" and "behind": support, and the machines that go out through it, where they do. Servers and support are known by
their addresses; the private networks stand for the clients, so an address in them that belongs to nobody could do what a
client can. Where dashboards are published ([auth.md](auth.md#dashboards)) clients reach the servers' APIs of Consul and Nomad besides.

`;

const versionsBegin = "<!-- versions: made by npm run docs -->\n";
const versionsEnd = "\n<!-- end of versions -->";

/** A stack's configuration as the engine hands it over: every value a text. */
function configOf(root: string, file: string): Record<string, string> {
  const { config } = yaml.load(readFileSync(path.join(root, file), "utf8")) as {
    config: Record<string, unknown>;
  };
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** The files, by path below the project's folder `root`, as they should be. */
export function madeFiles(root: string): Record<string, string> {
  const settings = parseSettings(rawSettings(configOf(root, "Pulumi.dev.yaml")));
  return {
    "settings.schema.json": stackSchemaText(root),
    "docs/ports.md": withAlignedTables(portsPreface + portsMarkdown()),
    "docs/plan.md": withAlignedTables(planMarkdown(configOf(root, "Pulumi.prod.yaml"))),
    "docs/policy.md": policyMarkdown(),
    "docs/settings.md": settingsMarkdown(stackSchema(root), namespace),
    "docs/cluster.svg": clusterPicture(topologyOf(settings)),
    "policy/prices/linode.ts": readFileSync(path.join(root, "components/summary/linode-prices.ts"), "utf8"),
    "README.md": withVersions(readFileSync(path.join(root, "README.md"), "utf8"), versionsMarkdown(root)),
  };
}

function withVersions(readme: string, versions: string): string {
  const begin = readme.indexOf(versionsBegin);
  const end = readme.indexOf(versionsEnd, begin);
  if (begin < 0 || end < 0)
    throw new Error(`README.md lacks ${versionsBegin.trim()} or ${versionsEnd.trim()}`);
  return readme.slice(0, begin + versionsBegin.length) + versions + readme.slice(end);
}

if (require.main === module) {
  const root = path.join(__dirname, "..");
  for (const [file, text] of Object.entries(madeFiles(root))) writeFileSync(path.join(root, file), text);
}
