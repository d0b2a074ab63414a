import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { stackSchema, stackSchemaText } from "../../../components/settings/stack-schema";
import { root } from "./stack-files";

test("settings.schema.json is current (write it by: npx ts-node -T components/settings/stack-schema.ts)", () => {
  expect(readFileSync(path.join(root, "settings.schema.json"), "utf8")).toBe(stackSchemaText(root));
});

test("every setting is described", () => {
  const bare: string[] = [];
  const visit = (schema: unknown, at: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties") {
        for (const [name, property] of Object.entries(value as Record<string, { description?: string }>)) {
          if (!property.description && name !== "config") bare.push(`${at}.${name}`);
        }
      }
      visit(value, `${at}.${key}`);
    }
  };
  visit(stackSchema(root), "");
  expect(bare).toEqual([]);
});
