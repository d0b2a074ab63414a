import * as ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";
import { apiSurface } from "./surface";

let api: ts.SourceFile;
beforeAll(() => {
  api = apiSurface();
});

/**
 * What programs of others see of the library. A difference is for a reviewer: CONTRIBUTING.md says what of it breaks them.
 * After a change that is meant: npm run build, then npx vitest run --project unit test/unit/api --update
 */
test("the package's types", async () => {
  const text = ts.createPrinter({ removeComments: true }).printFile(api);
  await expect(text).toMatchFileSnapshot("../../api/pulumi-hashistack.txt");
});

const isExported = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

const isPrivate = (node: ts.Node): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);

const isComponent = (node: ts.ClassDeclaration): boolean =>
  node.heritageClauses?.some((clause) => clause.getText(api).includes("ComponentResource")) ?? false;

const components = (): ts.ClassDeclaration[] =>
  api.statements.filter(
    (node): node is ts.ClassDeclaration =>
      ts.isClassDeclaration(node) && isExported(node) && isComponent(node),
  );

const interfaces = (): Map<string, ts.InterfaceDeclaration> =>
  new Map(
    api.statements
      .filter((node) => ts.isInterfaceDeclaration(node))
      .map((node): [string, ts.InterfaceDeclaration] => [node.name.text, node]),
  );

test("everything that a program gives or gets says what it is", () => {
  const silent = api.statements.filter(isExported).flatMap((node) => {
    const said = (one: ts.Node): boolean => ts.getJSDocCommentsAndTags(one).length > 0;
    if (ts.isFunctionDeclaration(node)) return said(node) ? [] : [node.name?.text];
    if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return [];
    const whole = ts.isClassDeclaration(node) && !said(node) ? [node.name?.text] : [];
    const members = [...node.members].filter(
      (member) => !ts.isConstructorDeclaration(member) && !isPrivate(member) && !said(member),
    );
    return [...whole, ...members.map((member) => `${node.name?.text}.${member.name?.getText(api)}`)];
  });
  // Clouds say it in their contract.
  expect(silent.filter((name) => !/^(Linode|Local|OpenStack)Cloud\./.test(name ?? ""))).toEqual([]);
});

/** Pulumi's analyser makes a schema of component classes, for programs in other languages: what it cannot read is told here. */
describe("components as Pulumi's schema analyser wants them", () => {
  test("their constructor takes a name, arguments of an interface of theirs, and options", () => {
    for (const { name, members } of components()) {
      const made = members.find((member) => ts.isConstructorDeclaration(member));
      expect(made?.parameters.map((one) => one.getText(api))).toEqual([
        "name: string",
        `args: ${name?.text}Args`,
        "opts?: pulumi.ComponentResourceOptions",
      ]);
      expect([...interfaces().keys()]).toContain(`${name?.text}Args`);
    }
  });

  test("they extend ComponentResource itself, and keep nothing in private fields, which would be outputs", () => {
    for (const { heritageClauses, members } of components()) {
      expect(heritageClauses?.map((clause) => clause.getText(api))).toEqual([
        "extends pulumi.ComponentResource",
      ]);
      expect(members.filter(isPrivate).map((member) => member.getText(api))).toEqual([]);
    }
  });

  test("arguments and outputs that only a program in TypeScript can give or get, for a reviewer to read", async () => {
    const known = interfaces();
    const foreign = (type: ts.TypeNode | undefined, seen: readonly string[]): string[] => {
      if (!type) return ["any"];
      if (ts.isArrayTypeNode(type)) return foreign(type.elementType, seen);
      if (ts.isTypeOperatorNode(type)) return foreign(type.type, seen);
      if (ts.isUnionTypeNode(type)) {
        const rest = type.types.filter((one) => one.kind !== ts.SyntaxKind.UndefinedKeyword);
        return rest.length === 1 ? foreign(rest[0], seen) : [`union ${type.getText(api)}`];
      }
      if (ts.isTypeReferenceNode(type)) {
        const name = type.typeName.getText(api);
        const inner = (type.typeArguments ?? []).flatMap((one) => foreign(one, seen));
        if (["pulumi.Input", "pulumi.Output", "Record", "Readonly"].includes(name)) return inner;
        const declared = known.get(name);
        if (!declared) return [name];
        if (seen.includes(name)) return [];
        return declared.members.flatMap((member) =>
          ts.isPropertySignature(member)
            ? foreign(member.type, [...seen, name]).map((what) => `${member.name.getText(api)}: ${what}`)
            : [`${member.name?.getText(api)}: function`],
        );
      }
      const plain = [ts.SyntaxKind.StringKeyword, ts.SyntaxKind.NumberKeyword, ts.SyntaxKind.BooleanKeyword];
      return plain.includes(type.kind) ? [] : [type.getText(api).replace(/\s+/g, " ")];
    };
    const lines = components().flatMap(({ name, members }) => {
      const args = known.get(`${name?.text}Args`)?.members ?? [];
      return [...args, ...members]
        .filter((member) => ts.isPropertySignature(member) || ts.isPropertyDeclaration(member))
        .flatMap((member) =>
          [...new Set(foreign(member.type, []))].map(
            (what) =>
              `${ts.isPropertySignature(member) ? `${name?.text}Args` : name?.text}.${member.name.getText(api)}: ${what}`,
          ),
        );
    });
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("../../api/typescript-only.txt");
  });
});
