import { namespace, parseSettings, rawSettings } from "../components/settings/parse";
import {
  changesSince,
  changesText,
  type PlanSummary,
  planText,
  summarise,
  supportWarnings,
} from "../components/summary";
import { linodePrices } from "../components/summary/linode-prices";
import { supportEnds } from "../components/summary/support-ends";

/** docs/plan.md, with the plan of the production stack as the commands print it. */

/** Settings as the engine hands them over: every value a text. */
type Config = Readonly<Record<string, string>>;

function planOf(config: Config) {
  const settings = parseSettings(rawSettings(config));
  return { settings, plan: summarise(settings) };
}

/** The stack with other machines in a group. */
function withGroup(config: Config, group: string, change: object): Config {
  const key = `${namespace}:groups`;
  const groups = JSON.parse(config[key] ?? "") as Record<string, object>;
  return { ...config, [key]: JSON.stringify({ ...groups, [group]: { ...groups[group], ...change } }) };
}

function said(before: PlanSummary, config: Config): string {
  const { settings, plan } = planOf(config);
  const changes = changesText(changesSince(before.machines, plan, settings.cloud), plan, " --stack prod");
  return [changes, ...plan.warnings.map(({ text }) => `warning: ${text}`)].join("\n");
}

/** The page. @param config of the production stack */
export function planMarkdown(config: Config): string {
  const { plan } = planOf(config);
  // The day of the table itself: the page is the same whenever it is made.
  const warnings = supportWarnings(plan.versions, new Date(supportEnds.date));
  const unwise = withGroup(withGroup(config, "edge", { keys: ["a"] }), "control", { keys: ["a"] });
  const resized = withGroup(config, "client", { keys: ["a", "b", "c", "d"], size: "g6-standard-4" });
  return `# The plan

What a stack will be is told before it is made: machines, what is open from outside, what it costs, what that changes, and what
to think about. This page is written by \`npm run docs\`; what stands in frames is what the commands print.

- \`npx hashistack plan --stack prod\` reads the settings' file and the state. It asks no cloud, so it needs neither token nor
  root. \`--json\` prints it for programs: the stack's output \`plan\` with the warnings of the day and \`changes\` (null where the
  state cannot be read). Exit status: 0, or 2 when settings are missing or wrong, each mistake a sentence. Settings that
  are encrypted, but for secrets of \`auth\` and \`acme\`, only the engine can read: for these, the next two.
- \`pulumi preview\` and \`pulumi up\` show it once, as the cluster's own message.
- The stack's output \`plan\` has it as an object of stable names ([model.ts](../components/summary/model.ts)). Nothing in it depends on
  the day of the run, so it is no change of its own. From a program: \`summarise(settings)\`, \`planText(plan)\`.
- \`npx hashistack up\` says what changes about the machines before it begins, and nothing where nothing does.

\`\`\`text
${planText(plan, { warnings })}
\`\`\`

"way out": the machine has a public address to go out by, at which nothing answers.

## What changes

The difference is told against the machines that the state has, each by the size it was made with. One client more,
and all clients larger (\`client: { keys: [a, b, c, d], size: g6-standard-4 }\`):

\`\`\`text
${said(plan, resized)}
\`\`\`

What is legal and perhaps not wise is told before it is tried: here \`keys: [a]\` for servers and load balancers
(of the servers two stay, [for none of two can leave](../README.md#limits)).

\`\`\`text
${said(plan, unwise)}
\`\`\`

To have such a change refused instead of told, use the [policy pack](policy.md).

## What it costs

Counted are machines, their backups at Linode, root disks and floating addresses on OpenStack. Not counted: taxes, traffic beyond what is in
the price, the image, snapshots of your own, and the second machine for the minutes in which one is replaced.

- Linode: [the table](../components/summary/linode-prices.ts) of ${linodePrices.date}, from
  ${linodePrices.source}.
  A type that is not there is named, and the sum is "at least".
- OpenStack: what \`cloud.prices\` tells ([settings](settings.md#hashistackcloud)); without it the plan says that it does not know.
- The local cloud: nothing.

Counted both times with the prices of now: a new price list is no change of the plan.

## What is warned of

| Warning                | When                                                                                                             |
| ---------------------- | ---------------------------------------------------------------------------------------------------------------- |
| \`single-server\`        | one server of Consul, Vault or Nomad: no high availability                                                       |
| \`single-load-balancer\` | one load balancer, with a site                                                                                   |
| \`single-client\`        | one client of the site's class                                                                                   |
| \`single-instance\`      | one instance of the site                                                                                         |
| \`uneven-spread\`        | more instances than clients; servers of one kind in several groups; more than five machines in a placement group |
| \`version-support\`      | a version gets no fixes any more, or will not in 90 days (told by the day, so not in the stack's output)         |

That there is one support is by design, and no warning. Until when a line is kept, as of ${supportEnds.date} (${supportEnds.source}):
${supportLines()}.
`;
}

function supportLines(): string {
  return Object.entries(supportEnds.lines)
    .flatMap(([program, lines]) =>
      Object.entries(lines ?? {}).map(
        ([line, until]) => `${program} ${line} ${until === undefined ? "still was" : `until ${until}`}`,
      ),
    )
    .join(", ");
}
