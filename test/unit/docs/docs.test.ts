import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { madeFiles } from "../../../docs/make";

const root = path.join(__dirname, "../../..");
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");
const json = <T>(file: string): T => JSON.parse(read(file)) as T;

const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "lab/plugins/README.md", ".changeset/README.md"],
  ...["lab", "cli", "policy", "examples", "examples/openstack"].map((folder) => `${folder}/README.md`),
  ...readdirSync(path.join(root, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
];

/** A page without its fenced blocks. */
const prose = (page: string): string => read(page).replace(/^```.*?^```$/gms, "");

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/ /g, "-");

const anchorsOf = (page: string): string[] =>
  [...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));

describe("what is made is current (npm run docs)", () => {
  test.each(Object.entries(madeFiles(root)))("%s", (file, text) => {
    expect(read(file)).toBe(text);
  });

  test("the picture has every machine of the dev stack, and no port that the table lacks", () => {
    const { "docs/cluster.svg": picture = "", "docs/ports.md": ports = "" } = madeFiles(root);
    for (const name of ["support-a", "control-a", "control-c", "client-b", "edge-b"])
      expect(picture).toContain(name);
    const shown = [...picture.matchAll(/class="port"[^>]*>(\S+) /g)].map(([, port]) => port);
    expect(shown).toEqual(expect.arrayContaining(["80", "443", "22", "8210", "20000-32000"]));
    for (const port of shown) expect(ports).toContain(`| ${port}/`);
  });
});

describe.each(pages)("%s", (page) => {
  const text = prose(page);

  test("its links lead somewhere", () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [file = "", anchor] = target.split("#");
        const to = file ? path.posix.join(path.posix.dirname(page), file) : page;
        return !existsSync(path.join(root, to)) || (anchor !== undefined && !anchorsOf(to).includes(anchor));
      });
    expect(broken).toEqual([]);
  });

  test("files that it names are there", () => {
    const named = [...text.matchAll(/`((?:bin|cli|components|lab|bench|test|docs|examples)\/[\w./-]+)`/g)];
    expect(named.map(([, file = ""]) => file).filter((file) => !existsSync(path.join(root, file)))).toEqual(
      [],
    );
  });

  test("commands that it names are there", () => {
    const { scripts } = json<{ scripts: Record<string, string> }>("package.json");
    const named = [...read(page).matchAll(/\bnpm run ([\w:]+)|`npm (?!run)(\w+)/g)].map(
      ([, run, own]) => run ?? own ?? "",
    );
    expect(named.filter((script) => !["ci", "install"].includes(script) && !(script in scripts))).toEqual([]);
    const verbs = [...read("cli/main.ts").matchAll(/\.command\("([\w-]+)"\)/g)].map(([, verb]) => verb);
    const labVerbs = [...read("lab/machines/main.ts").matchAll(/(?:\.command|onOne)\("(\w+)"/g)].map(
      ([, verb]) => verb,
    );
    const used = (program: string) =>
      [...read(page).matchAll(new RegExp(`npx ${program} (\\w[\\w-]*)`, "g"))].map(([, verb]) => verb);
    expect(used("hashistack").filter((verb) => !verbs.includes(verb))).toEqual([]);
    expect(used("hashistack-lab").filter((verb) => !labVerbs.includes(verb))).toEqual([]);
  });
});

test("the README says why each package is there, and of no other", () => {
  type Packages = Partial<
    Record<"dependencies" | "devDependencies" | "optionalDependencies", Record<string, string>>
  >;
  const needed = ["package.json", "lab/package.json", "cli/package.json"].flatMap((file) => {
    const { dependencies, devDependencies, optionalDependencies } = json<Packages>(file);
    return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
  });
  const section = read("README.md").split("## What each package is for")[1]?.split("\n## ")[0] ?? "";
  const told = [...section.matchAll(/^\| (`[^|]*`) *\|/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
  expect(told.sort()).toEqual([...new Set(needed)].sort());
});
