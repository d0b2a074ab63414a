/** What a stack will be, before it is: pure, from settings to a plan, its text, and what it changes. */
export { changesSince, isChange, outdated } from "./changes";
export type {
  DeployedMachine,
  MachineChange,
  MonthlyCost,
  PlanChanges,
  PlannedCost,
  PlannedMachine,
  PlannedOpening,
  PlannedVersion,
  PlanSummary,
  PlanWarning,
  PublicAddress,
} from "./model";
export { summarise } from "./summarise";
export { supportWarnings } from "./support-ends";
export { changesText, headline, planText, type Told } from "./text";
