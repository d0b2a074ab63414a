import { chmodSync, readdirSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { choosePlugin, engineEnvironmentWith } from "../../../lab/toolchain/engine";
import { executable, scratch, testToolchain } from "./support";

const PLUGIN = "pulumi-resource-random";
let place: ReturnType<typeof scratch>;
const at = (...parts: string[]) => join(place.folder, ...parts);

beforeEach(() => {
  place = scratch();
});
afterEach(() => place.dispose());

describe("the plugin of a provider", () => {
  const choose = (environment: NodeJS.ProcessEnv = {}) =>
    choosePlugin(
      "random",
      "4.0.1",
      at("ours"),
      { searchPath: `${at("ours")}:${at("path")}`, ours: [at("ours")] },
      { PULUMI_HOME: at("home"), ...environment },
    );

  test("is the stand-in when no official one is there", async () => {
    const path = executable(at("ours", PLUGIN), "");
    expect(await choose()).toEqual({ name: "random", version: "4.0.1", source: "stand-in", path });
  });

  test("is the installed one in the SDK's version", async () => {
    executable(at("ours", PLUGIN), "");
    executable(at("home", "plugins", "resource-random-v4.0.0", PLUGIN), "");
    expect((await choose()).source).toBe("stand-in");
    const path = executable(at("home", "plugins", "resource-random-v4.0.1", PLUGIN), "");
    expect(await choose()).toMatchObject({ source: "installed", path });
  });

  test("is one on PATH that is not ours", async () => {
    executable(at("ours", PLUGIN), "");
    const path = executable(at("path", PLUGIN), "");
    expect(await choose()).toMatchObject({ source: "path", path });
  });

  test("is the forced one before all others", async () => {
    executable(at("path", PLUGIN), "");
    const path = executable(at("forced"), "");
    expect(await choose({ HASHISTACK_PLUGIN_RANDOM: path })).toMatchObject({ source: "forced", path });
  });

  test("forced to something that does not run is refused by the variable's name", async () => {
    chmodSync(executable(at("forced"), ""), 0o644);
    await expect(choose({ HASHISTACK_PLUGIN_RANDOM: at("forced") })).rejects.toThrow(
      `HASHISTACK_PLUGIN_RANDOM names ${at("forced")}, which is not an executable file`,
    );
  });

  test("missing altogether says how to get it", async () => {
    await expect(choose()).rejects.toThrow("pulumi plugin install resource random v4.0.1");
  });
});

describe("the engine's environment", () => {
  test("keeps the engine apart from the language host and links the plugins that it would miss", async () => {
    const chain = testToolchain(at(), {});
    const question = { args: ["version"], pattern: /Tool v(\S+)/ };
    chain.manifest = [
      { name: "pulumi", version: "1.2.3", purpose: "", question },
      { name: "pulumi-language-nodejs", version: "1.2.3", purpose: "", question },
    ];
    executable(at("path", "pulumi"), "#!/bin/sh\necho 'Tool v1.2.3'\n");
    executable(at("host", "pulumi-language-nodejs"), "#!/bin/sh\necho 'Tool v1.2.3'\n");
    chain.searchPath = `${at("path")}:${at("host")}`;
    for (const name of ["command", "vault", "linode"]) executable(at("path", `pulumi-resource-${name}`), "");
    const { version } = require("@pulumi/tls/package.json") as { version: string };
    const tls = "pulumi-resource-tls";
    const installed = executable(at("home", "plugins", `resource-tls-v${version}`, tls), "");
    const forced = executable(at("forced"), "");
    const result = await engineEnvironmentWith(chain, {
      PULUMI_HOME: at("home"),
      HASHISTACK_PLUGIN_RANDOM: forced,
    });
    expect(result.pathEntries.slice(1, 3)).toEqual([at("path"), at("host")]);
    expect(readlinkSync(join(result.pathEntries[0], PLUGIN))).toBe(forced);
    // The engine may be run with another home than the user's own, where it is installed.
    expect(readlinkSync(join(result.pathEntries[0], tls))).toBe(installed);
    expect(readdirSync(result.pathEntries[0]).sort()).toEqual([PLUGIN, tls]);
    expect(dirname(result.pathEntries[0])).toBe(join(chain.root, "engine"));
    expect(result.env.PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION).toBe("true");
    expect(result.plugins.map(({ name, source }) => `${name} ${source}`)).toEqual([
      "random forced",
      "tls installed",
      "command path",
      "vault path",
      "linode path",
    ]);
  });
});
