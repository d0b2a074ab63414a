import * as pulumi from "@pulumi/pulumi";
import type { Settings } from "./settings";
import { type PlanSummary, planText, summarise, supportWarnings } from "./summary";

/**
 * Tells once, at preview and at up, what a stack will be. What is different from what is deployed it does not tell: no
 * program knows its own state; `npx hashistack plan` does.
 * @param about whose plan it is
 * @returns the same as an output
 */
export function reportPlan(settings: Settings, about: pulumi.Resource): pulumi.Output<PlanSummary> {
  const plan = summarise(settings);
  const warnings = supportWarnings(plan.versions, new Date());
  void pulumi.log.info(planText(plan, { warnings }), about);
  return pulumi.output(plan) as pulumi.Output<PlanSummary>;
}
