import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { generateDtsBundle } from "dts-bundle-generator";
import * as ts from "typescript";

/** The types that programs of others see, in one text: of what was built last. */

const root = path.join(__dirname, "../../..");

/** Names of packages' namespaces as declarations use them. Example: "@pulumi/command" → "remote.Command". */
function namesUsed(files: readonly string[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const file of files) {
    const text = readFileSync(file, "utf8");
    for (const [, imported = "", name = ""] of text.matchAll(
      /^import (?:type )?(.+) from "([^."][^"]*)";$/gm,
    )) {
      const names = used.get(name) ?? new Set<string>();
      used.set(name, names);
      const whole = imported.startsWith("* as ");
      for (const word of imported.match(/\w+/g)?.slice(whole ? 1 : 0) ?? []) {
        for (const [, inner = ""] of text.matchAll(
          new RegExp(`\\b${word}\\.([\\w$]+(?:\\.[\\w$]+)*)`, "g"),
        )) {
          names.add(whole ? inner : `${word}.${inner}`);
        }
      }
    }
  }
  return used;
}

/** A package of that many classes: to read the SDKs' own declarations takes half a minute. */
function standIn(names: ReadonlySet<string>): string {
  return [...names]
    .map((name) => {
      const words = name.split(".");
      const declared = `export class ${words.pop()}<A = any, B = any> { a: A; b: B }`;
      const inner = words.reduceRight((text, word) => `export namespace ${word} { ${text} }`, declared);
      return inner.replace(/^export/, "export declare");
    })
    .join("\n");
}

/** The declarations of all that `components/index.ts` exports, and of what these name, sorted, as one file. */
export function apiSurface(): ts.SourceFile {
  const folder = mkdtempSync(path.join(tmpdir(), "hashistack-api-"));
  try {
    cpSync(path.join(root, "dist/components"), path.join(folder, "components"), {
      recursive: true,
      filter: (file) => !/\.(js|map)$/.test(file),
    });
    const files = readdirSync(path.join(folder, "components"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".d.ts"))
      .map((file) => path.join(folder, "components", file));
    for (const [name, names] of namesUsed(files)) {
      const place = path.join(folder, "node_modules", name);
      mkdirSync(place, { recursive: true });
      writeFileSync(
        path.join(place, "package.json"),
        JSON.stringify({ name, version: "0.0.0", types: "index.d.ts" }),
      );
      writeFileSync(path.join(place, "index.d.ts"), standIn(names));
    }
    const config = path.join(folder, "tsconfig.json");
    const compilerOptions = {
      module: "node16",
      moduleResolution: "node16",
      lib: ["ES2023"],
      types: [],
      strict: true,
    };
    writeFileSync(config, JSON.stringify({ compilerOptions }));
    const [text = ""] = generateDtsBundle(
      [
        {
          filePath: path.join(folder, "components/index.d.ts"),
          output: { noBanner: true, exportReferencedTypes: false, sortNodes: true },
        },
      ],
      { preferredConfigPath: config },
    );
    return ts.createSourceFile("api.d.ts", text, ts.ScriptTarget.Latest, true);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
