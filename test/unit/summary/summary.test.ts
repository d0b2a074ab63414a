import { readFileSync } from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSettings, rawSettings } from "../../../components/settings/parse";
import { type PlanSummary, planText, summarise, supportWarnings } from "../../../components/summary";
import { linodePrices } from "../../../components/summary/linode-prices";
import { linodePrices as policyPrices } from "../../../policy/prices/linode";
import { configOf, goodSettings, root } from "../settings/stack-files";

/** What a stack will be, told before it is made. */

const planOf = (raw: unknown): PlanSummary => summarise(parseSettings(raw));
const planOfFile = (file: string): PlanSummary => planOf(rawSettings(configOf(file)));
const today = new Date("2026-11-23T12:00:00Z");

test.each([
  ["dev", "Pulumi.dev.yaml"],
  ["prod", "Pulumi.prod.yaml"],
  ["campus", "examples/openstack/Pulumi.campus.yaml"],
  ["separate-servers", "examples/separate-servers/Pulumi.dev.yaml"],
])("%s, for a reviewer to read", async (name, file) => {
  const plan = planOfFile(file);
  const text = planText(plan, { warnings: supportWarnings(plan.versions, today) });
  await expect(`${text}\n`).toMatchFileSnapshot(`plans/${name}.txt`);
});
