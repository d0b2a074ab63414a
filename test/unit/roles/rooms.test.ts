import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";

/** The arrows between the rooms, followed to the end: lint sees one import at a time. */

const components = path.join(__dirname, "../../../components");

/** @param types whether what only the compiler reads counts, too */
function importsOf(file: string, types: boolean): string[] {
  const all = readFileSync(file, "utf8");
  const text = types ? all : all.replace(/^(?:im|ex)port type [^;]*;/gm, "");
  return [...text.matchAll(/(?:from\s*|import\(?\s*)"([^"]+)"/g)].map(([, name = ""]) => name);
}

/** A relative import's file. */
function resolved(from: string, name: string): string {
  const base = path.resolve(path.dirname(from), name.replace(/\.js$/, ""));
  const found = [`${base}.ts`, path.join(base, "index.ts")].find((file) => existsSync(file));
  if (!found) throw new Error(`${from} imports ${name}, which is no file`);
  return found;
}

/** All that the files of a room, or one file, know, near or far: files below components/, and packages. */
function known(room: string, types = true): { files: string[]; packages: string[] } {
  const at = path.join(components, room);
  const start = room.endsWith(".ts")
    ? [at]
    : readdirSync(at, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith(".ts"))
        .map((file) => path.join(at, file));
  const files = new Set<string>(start);
  const packages = new Set<string>();
  for (const file of files) {
    for (const name of importsOf(file, types)) {
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

test("what the command line reads of the library runs without Pulumi", () => {
  expect(known("summary", false).packages).toEqual([]);
  expect(known("settings/parse.ts", false).packages).toEqual(["ipaddr.js", "zod"]);
  // Were it not so, this way of looking would tell.
  expect(known("settings.ts", false).packages).toContain("@pulumi/pulumi");
});
