import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toolchainRoot } from "../../../lab/toolchain/cache";
import { projectRoot } from "../../../lab/toolchain/goModule";
import { HASHICORP_FINGERPRINT, HASHICORP_KEY } from "../../../lab/toolchain/keys";
import { MANIFEST, PROGRAM_NAMES } from "../../../lab/toolchain/manifest";

const MODULES = join(projectRoot(), "lab", "toolchain", "modules");
const built = MANIFEST.flatMap((program) => (program.module ? [{ ...program, module: program.module }] : []));

describe("the manifest", () => {
  test("has each program once and a way to get each without release hosts", () => {
    expect(new Set(PROGRAM_NAMES).size).toBe(PROGRAM_NAMES.length);
    for (const program of MANIFEST) expect(program.module, program.name).toBeDefined();
  });

  test.each(built)("$name's small module requires the version that the row names", ({ module }) => {
    const text = readFileSync(join(MODULES, module.module, "go.mod"), "utf8");
    expect(text).toContain(module.origin.replace("@", " "));
    // A path on one machine would make the build depend on it.
    expect(text).not.toMatch(/=>\s+[./]/);
    expect(readFileSync(join(MODULES, module.module, "go.sum"), "utf8")).toContain(
      module.origin.replace("@", " "),
    );
  });

  test("uses every small module", () => {
    expect(readdirSync(MODULES).sort()).toEqual(
      [...new Set(built.map(({ module }) => module.module))].sort(),
    );
  });

  test("pins every release's archive for both processors", () => {
    for (const { release, name, version } of MANIFEST) {
      if (!release) continue;
      for (const processor of ["amd64", "arm64"] as const) {
        expect(release.sha256[processor], name).toMatch(/^[0-9a-f]{64}$/);
        expect(release.archive(processor)).toContain(version);
      }
    }
  });

  test("holds HashiCorp's own signing key", async () => {
    const { readKey } = await import("openpgp");
    const key = await readKey({ armoredKey: HASHICORP_KEY });
    expect(key.getFingerprint().toUpperCase()).toBe(HASHICORP_FINGERPRINT);
    expect(key.isPrivate()).toBe(false);
  });

  test.each([
    ["consul", "Consul v1.21.0\nRevision 4e96098f\n", "1.21.0"],
    ["consul", "Consul v1.21.0+ent\n", "1.21.0+ent"],
    ["vault", "Vault v1.21.1 (2453aac2638a6ae243341b4e0657fd8aea1cbf18), built 2025\n", "1.21.1"],
    ["nomad", "Nomad v1.11.1\nBuildDate 2025\n", "1.11.1"],
    ["nomad", "Nomad v1.11.1-dev\n", "1.11.1-dev"],
    ["pulumi", "v3.250.0\n", "3.250.0"],
    ["fabio", "1.5.15\n", "1.5.15"],
    ["traefik", "Version:      3.6.12\nCodename:     cheddar\n", "3.6.12"],
    ["oauth2-proxy", "oauth2-proxy v7.15.3 (built with go1.26.8)\n", "7.15.3"],
    ["packer", "Packer v1.15.0\n", "1.15.0"],
    ["packer-plugin-openstack", '{"version":"1.1.2","sdk_version":"0.5.2","api_version":"x5.0"}', "1.1.2"],
    ["cfssl", "Version: 1.6.5\nRuntime: go1.22\n", "1.6.5"],
    ["hashistack-acme", "hashistack-acme 1.0.0\n", "1.0.0"],
    ["pebble", "Pebble version: 2.10.1\n", "2.10.1"],
    ["caddy", "v2.11.9 h1:abc=\n", "2.11.9"],
    ["caddy", "2.11.9\n", "2.11.9"],
  ])("reads %s's version out of its answer", (name, answer, version) => {
    expect(MANIFEST.find((program) => program.name === name)?.question?.pattern.exec(answer)?.[1]).toBe(
      version,
    );
  });
});

test("the cache's place follows the environment", () => {
  expect(toolchainRoot({ HASHISTACK_CACHE: "/c", XDG_CACHE_HOME: "/x" })).toBe("/c/toolchain");
  expect(toolchainRoot({ XDG_CACHE_HOME: "/x" })).toBe("/x/hashistack/toolchain");
  expect(toolchainRoot({})).toMatch(/\/\.cache\/hashistack\/toolchain$/);
});
