import { runtime } from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { readSettings, SettingsError } from "../../../components/settings";
import { configOf, separateServers } from "./stack-files";

test("reads the stack that runs, unknown keys included", () => {
  runtime.setAllConfig(configOf(separateServers));
  expect(Object.keys(readSettings().groups)).toEqual([
    "support",
    "consul",
    "vault",
    "nomad",
    "client",
    "edge",
  ]);

  runtime.setAllConfig({ ...configOf(separateServers), "hashistack:sites": "{}", "other:thing": "1" });
  expect(readSettings).toThrow(SettingsError);
  expect(readSettings).toThrow(/^sites: is not a setting; did you mean "site"\?$/);
});
