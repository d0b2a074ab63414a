import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

/** The arrows between the rooms, followed to the end: lint sees one import at a time. */

const components = path.join(__dirname, "../../../components");

function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from\s*|import\(?\s*)"([^"]+)"/g)].map(([, name = ""]) => name);
}

/** A relative import's file. */
function resolved(from: string, name: string): string {
  const base = path.resolve(path.dirname(from), name.replace(/\.js$/, ""));
  const found = [`${base}.ts`, path.join(base, "index.ts")].find((file) => existsSync(file));
  if (!found) throw new Error(`${from} imports ${name}, which is no file`);
  return found;
}

/** All that the files of a room know, near or far: files below components/, and packages. */
function known(room: string): { files: string[]; packages: string[] } {
  const start = readdirSync(path.join(components, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => path.join(components, room, file));
  const files = new Set<string>(start);
  const packages = new Set<string>();
  for (const file of files) {
    for (const name of importsOf(file)) {
      if (name.startsWith(".")) files.add(resolved(file, name));
      else packages.add(name);
    }
  }
  return {
    files: [...files].map((file) => path.relative(components, file)).sort(),
    packages: [...packages].sort(),
  };
}

test("a role knows no cloud, no job and no way to a machine", () => {
  const { files, packages } = known("roles");
  expect(files).toEqual(expect.arrayContaining(["roles/consul.ts", "provisioning/plan.ts"]));
  expect(
    files.filter((file) => /^(clouds|jobs|bootstrap|pki)\/|^provisioning\/(remote|apply|enrol)/.test(file)),
  ).toEqual([]);
  expect(packages.filter((name) => !name.startsWith("node:"))).toEqual(["@pulumi/pulumi"]);
});

test("a cloud knows no role and nothing of what machines run", () => {
  const { files } = known("clouds");
  expect(files.filter((file) => !file.startsWith("clouds/"))).toEqual([]);
});

test("names know no cloud, no machine and nothing of what runs there", () => {
  const { files } = known("dns");
  expect(files).toEqual(
    expect.arrayContaining(["dns/domain-address.ts", "dns/linode.ts", "dns/openstack.ts"]),
  );
  expect(files.filter((file) => !file.startsWith("dns/"))).toEqual([]);
});

test("the topology is plain data", () => {
  expect(known("topology").packages.filter((name) => name.startsWith("@pulumi/"))).toEqual([]);
});
