import { alignedTable } from "./tables";

/** docs/settings.md from the settings' own schema: the same source as the check and as editors' completion. */

interface JsonSchema {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  oneOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  required?: string[];
}

interface Row {
  readonly path: string;
  readonly form: JsonSchema;
  readonly needed: boolean;
}

const preface = `# Settings

A stack's settings lie in \`Pulumi.<stack>.yaml\`, in the namespace \`hashistack\`. Only \`name\` and \`groups\` are needed.
What is wrong is said at preview, one sentence for each mistake, with the path that stands here.

\`\`\`yaml
# yaml-language-server: $schema=settings.schema.json
config:
  hashistack:name: dev
  hashistack:network:
    family: ipv4
\`\`\`

Editors that know the first line's schema complete and check the file. Complete files:
[the dev stack](../Pulumi.dev.yaml), [servers on machines of their own](../examples/separate-servers/Pulumi.dev.yaml),
[a campus cloud](../examples/openstack/Pulumi.campus.yaml).

This file is made from the schema and the interfaces' comments in [components/settings](../components/settings):
\`npm run docs\`.
`;

/** The text of docs/settings.md. `schema` is that of a stack's file. Ends with a newline. */
export function settingsMarkdown(schema: object, namespace: string): string {
  const config = (schema as JsonSchema).properties?.config ?? {};
  const sections = Object.entries(config.properties ?? {}).map(([name, form]) => {
    const rows = rowsBelow(name.replace(`${namespace}:`, ""), form, config.required?.includes(name) ?? false);
    const kinds = (form.oneOf?.length ?? 0) > 1 ? (form.oneOf ?? []) : [];
    const tables = kinds.flatMap((kind) => {
      const [, ...inner] = rowsBelow(name.replace(`${namespace}:`, ""), kind, false);
      return [`### of the kind \`${text(kind.properties?.kind?.const)}\``, "", ...table(inner), ""];
    });
    return [`## \`${name}\``, "", ...table(rows), "", ...tables].join("\n");
  });
  return [preface, ...sections].join("\n");
}

/** The setting itself, unless it is only the frame of others, and all below it. */
function rowsBelow(path: string, form: JsonSchema, needed: boolean): Row[] {
  const inner = framed(form);
  const own = { path, form, needed };
  if (!inner) return [own];
  const below = Object.entries(inner.form.properties ?? {}).flatMap(([name, property]) =>
    rowsBelow(`${path}${inner.step}.${name}`, property, inner.form.required?.includes(name) ?? false),
  );
  return [own, ...below];
}

/** The mapping inside a setting, and how a path steps into it. */
function framed(form: JsonSchema): { form: JsonSchema; step: string } | undefined {
  if (form.properties) return { form, step: "" };
  if (form.oneOf?.length === 1 && form.oneOf[0]) return framed(form.oneOf[0]);
  const values = form.additionalProperties;
  if (typeof values === "object" && values.properties) return { form: values, step: ".<group>" };
  return undefined;
}

function table(rows: readonly Row[]): string[] {
  const cells = rows.map(({ path, form, needed }) => {
    const said = sentences(form.description ?? "");
    const standard =
      form.default !== undefined && !framed(form) ? `\`${text(form.default)}\`` : (said.standard ?? "");
    return [`\`${path}\``, typeText(form), needed ? "needed" : standard, said.rest.replace(/\|/g, "\\|")];
  });
  return alignedTable([["Setting", "Form", "Default", "What it is"], ...cells]);
}

/** A description without what it says of the default, and that: some defaults are not values but words. */
function sentences(description: string): { rest: string; standard?: string } {
  const [whole = "", standard] = /\s*Default: (.*?)\.?(?=\s*Example: |$)/.exec(description) ?? [];
  return { rest: description.replace(whole, "").replace(" No default.", ""), standard };
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

function typeText(form: JsonSchema): string {
  if (form.const !== undefined) return `\`${text(form.const)}\``;
  if (form.enum) return form.enum.map((value) => `\`${text(value)}\``).join(", ");
  if (form.type === "array") return `list of ${form.items?.enum ? typeText(form.items) : "strings"}`;
  if (form.anyOf) return "secret string";
  if (framed(form) || form.oneOf) return "mapping";
  return form.type ?? "value";
}
