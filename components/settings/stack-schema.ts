import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import ts from "typescript";
import { z } from "zod";
import { namespace } from "./parse";
import { settingsSchema } from "./schema";

/**
 * Writes settings.schema.json, by which editors complete and check a stack's file. Forms come from the schema,
 * descriptions from the interfaces' comments. Run: node dist/components/settings/stack-schema.js
 */

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** The JSON schema of a stack's file (Pulumi.<stack>.yaml). `root` is the project's folder. */
export function stackSchema(root: string): JsonSchema {
  const settings = z.toJSONSchema(settingsSchema, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      if (jsonSchema.title !== "Secret") return;
      // As `pulumi config set --secret` writes it; the program is handed the text.
      jsonSchema.anyOf = [
        { type: "string", minLength: 1 },
        {
          type: "object",
          properties: { secure: { type: "string", description: "What pulumi config set --secret wrote." } },
          required: ["secure"],
        },
      ];
      for (const name of ["title", "type", "minLength"] as const) delete jsonSchema[name];
    },
  });
  describe(settings, interfaceComments(root));
  const properties = Object.entries(settings.properties ?? {}).map(([name, form]) => [
    `${namespace}:${name}`,
    form,
  ]);
  return {
    $schema: settings.$schema,
    title: "A stack of hashistack",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(properties),
        // Other namespaces are the providers' own.
        patternProperties: { [`^(?!${namespace}:)`]: {} },
        required: settings.required?.map((name) => `${namespace}:${name}`),
        additionalProperties: false,
      },
    },
    required: ["config"],
  };
}

/** The file's text. */
export function stackSchemaText(root: string): string {
  return `${JSON.stringify(stackSchema(root), null, 2)}\n`;
}

/** Comments by interface and property. */
type Comments = ReadonlyMap<string, ReadonlyMap<string, string>>;

function interfaceComments(root: string): Comments {
  const files = ["settings/model.ts", "topology/model.ts"].map((file) => path.join(root, "components", file));
  const found = new Map<string, Map<string, string>>();
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
    for (const node of source.statements.filter(ts.isInterfaceDeclaration)) {
      found.set(
        node.name.text,
        new Map(node.members.map((member) => [member.name?.getText() ?? "", comment(member)])),
      );
    }
  }
  return found;
}

function comment(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return docs
    .map((doc) => (ts.getTextOfJSDocComment(doc.comment) ?? "").replace(/\s+/g, " ").trim())
    .join(" ");
}

/** Describes the properties of every object whose title is an interface's name, at any depth. */
function describe(schema: JsonSchema, comments: Comments): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (typeof property === "boolean") continue;
    const text = comments.get(schema.title ?? "")?.get(name);
    if (text) property.description = text;
    describe(property, comments);
  }
  for (const inner of [schema.additionalProperties, schema.items, ...(schema.oneOf ?? [])].flat()) {
    if (typeof inner === "object") describe(inner, comments);
  }
}

if (require.main === module) {
  writeFileSync("settings.schema.json", stackSchemaText("."));
}
