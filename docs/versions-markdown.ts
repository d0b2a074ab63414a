import { readFileSync } from "node:fs";
import * as path from "node:path";
import { MANIFEST } from "../lab/toolchain/manifest";
import { alignedTable } from "./tables";

/** What was tested with which versions, for the README. From the toolchain's manifest and package.json. */

const SDKS = ["@pulumi/pulumi", "@pulumi/command", "@pulumi/random", "@pulumi/tls", "@pulumi/vault"];

/** Two tables in Markdown. `root` is the project's folder. Ends without a newline. */
export function versionsMarkdown(root: string): string {
  const programs = MANIFEST.map(({ name, version, purpose, release, module }) => [
    name,
    version,
    purpose,
    release ? new URL(`https://${release.archive("amd64")}`).host : "none used",
    module ? `\`${module.origin}\`` : "",
  ]);
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const sdks = SDKS.map((name) => [`\`${name}\``, devDependencies[name] ?? "missing"]);
  return [
    ...alignedTable([
      ["Program", "Version", "What for", "Release from", "Otherwise built from"],
      ...programs,
    ]),
    "",
    ...alignedTable([["npm SDK", "Version"], ...sdks]),
  ].join("\n");
}
