import { expect, it } from "vitest";
import { protectedNames } from "../../../cli/protection";

const urn = (name: string) => `urn:pulumi:prod::hashistack::linode:index/instance:Instance::${name}`;
const resources = [
  { urn: urn("support-a"), protect: true },
  { urn: urn("edge-a"), protect: false },
  { urn: urn("edge-b") },
];

it("what is protected is found in an exported state and in a checkpoint; an empty state has nothing", () => {
  expect(protectedNames(JSON.stringify({ version: 3, deployment: { resources } }))).toEqual(["support-a"]);
  expect(protectedNames(JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }))).toEqual([
    "support-a",
  ]);
  expect(protectedNames(JSON.stringify({ version: 3, checkpoint: {} }))).toEqual([]);
});
