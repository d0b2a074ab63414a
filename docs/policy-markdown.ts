import type { Rule } from "../policy/lib/rule";
import { linodePrices } from "../policy/prices/linode";
import { rules } from "../policy/rules";

const preface = `# Policy pack

Rules that the engine holds a stack to, before anything is made: [policy/](../policy/rules.ts), a package of its own
(\`pulumi-hashistack-policy\`). They look at the engine's resources (Linode, OpenStack, SSH commands, keys and certificates,
Vault, Nomad) and at nothing else, so they are of use to a stack that has none of our components, too.

\`\`\`sh
npm run build
npm run policy -- dev                      # the stack's program, as if it were brought up for the first time
npm run policy -- dev --config policy.json # with what you allow
npm run policy -- prod --rehearse          # where there is no account: Linode's API is emulated
npm run policy -- dev --up                 # brings the real stack up, held to the rules
npm run policy -- dev --json               # for programs
\`\`\`

It runs the real engine on the real program, with a state that is thrown away: no machine, no root, no cloud account's
machines touched (a provider may ask its cloud for what the program looks up). Exit code 0: it passes; 1: something
mandatory is violated; 2: it could not be tried.

With Pulumi's own releases, on this and any other stack:

\`\`\`sh
pulumi preview --policy-pack policy
pulumi up --policy-pack policy --policy-pack-config policy.json
\`\`\`

Where the language host had to be built from the public Go module (see the README), it is from before packs were its
matter, and \`--policy-pack policy\` fails to start. \`npm run policy\` works there, since it starts the pack by another way.

## What a rule may say

- **mandatory**: a violation. The run stops; at \`up\`, before that resource is made. Rules over the whole stack
  (marked ⁎ below) speak after all resources of the run: at a preview, that is before anything is made.
- **advisory**: a violation that only warns.
- **undecided**: what the rule looks at is not known before \`up\`, such as the input of a command that is made of a machine's
  address. It is neither an alarm nor a pass: at \`up\` the rule decides, before the resource is made. Said once for
  each rule.

A rule that finds nothing that it is about says nothing. So the local cloud's machines, which are commands of this host,
pass the rules about a cloud's machines: there is no cloud's filter, image or backup to ask for.

Levels and settings, in JSON: \`all\` for all rules, a rule's name for one.

\`\`\`json
{
  "all": "mandatory",
  "servers-spread": "advisory",
  "no-public-address": { "egress": "public" },
  "dns-owner": { "stacks": ["prod"], "domains": ["example.org"] },
  "regions": { "allowed": ["de-fra-2"] },
  "budget": { "monthlyLimit": 250, "prices": { "m1.medium": 31 } }
}
\`\`\`

What somebody sees who opens SSH to the world:

\`\`\`text
  mandatory  no-open-admin-ports
    support: the inbound rule "ssh-from-home" opens port 22 to 0.0.0.0/0
    why: No filter lets the world in to SSH or to an API of Consul, Vault or Nomad. Who reaches these ports needs …
    do: Take the world out of the rule's sources, and put the networks there from which administrators come.
stack "prod" does not pass: 1 violation (29 rules, 24 resources, 4.1 s)
\`\`\`

## Rules

`;

const ending = `
## What a pack can see, and what not

- **Secrets in clear.** The engine hands a pack every value with its mark of being secret, and the secret itself, in clear.
  \`@pulumi/policy\` drops the marks; this pack keeps them (policy/lib/marks.ts), by leaning on the inside of the version that
  it pins, and does not start with another. So rules can ask whether a secret is marked as one. No message of a rule
  holds a secret's text: of a job, the names of its tasks, their images, and their artifacts' addresses without login and query; of a command
  line that switches verification off, the program and the option; of everything else the property's name. Run only packs that you trust.
- **A mark is no proof.** What is unknown at preview has lost its mark, so such rules are often undecided there.
- **Jobs** are read from the \`nomad\` provider's jobspec (HCL or JSON), and from what a command is sent on its
  standard input: a job's file alone, JSON with \`hcl\` and \`variables\`, or that JSON compressed as this library sends it.
  Blocks and plain values are read, expressions are not evaluated; a \`dynamic\` block is not seen. A job that a script
  makes up on the machine is not seen at all.
- **Which part a machine plays** is told by its tags, on OpenStack by its metadata \`role\`, \`roles\`, \`hashistack-role(s)\` too,
  and by the resource's name (\`support-…\`, \`bastion-…\`, \`edge-…\`, \`lb-…\`). Tags \`consul-server\`, \`vault-server\`, \`nomad-server\` are for
  \`servers-odd\` and \`servers-spread\`; with this library's components, these are taken instead.
- **Whose** a filter, an address or a key is, is told by what the property was made from. A machine of another stack,
  named by its number, is not known: its filter is then asked for in \`firewallId\`.
- **Prices** are Linode's list of ${linodePrices.date} ([policy/prices/linode.ts](../policy/prices/linode.ts) says from where); those of OpenStack are yours. Traffic, taxes and discounts are not counted.
`;

function settingsOf({ config }: Rule): string {
  return Object.entries(config ?? {})
    .map(
      ([name, { default: preset, description }]) => `\`${name}\` (${JSON.stringify(preset)}): ${description}`,
    )
    .join("<br>");
}

/** A cell holds no line's end and no bar. */
const cell = (text: string): string => text.replace(/\|/g, "\\|").replace(/\n/g, " ");

/** docs/policy.md: a row for each rule. */
export function policyMarkdown(): string {
  const rows = rules.map((rule) =>
    [
      `\`${rule.name}\`${rule.stack ? " ⁎" : ""}`,
      cell(rule.what),
      cell(rule.why),
      cell(rule.remediation),
      `${rule.level}, ${rule.severity}`,
      cell(settingsOf(rule)),
    ].join(" | "),
  );
  return [
    preface,
    "| Rule | What | Why | What to do | Level, severity | Settings (default) |\n| --- | --- | --- | --- | --- | --- |\n",
    ...rows.map((row) => `| ${row} |\n`),
    ending,
  ].join("");
}
