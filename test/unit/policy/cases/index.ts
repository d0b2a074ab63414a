import { jobs } from "./jobs";
import { limits } from "./limits";
import { reach } from "./reach";
import type { Cases } from "./resources";
import { secrets } from "./secrets";
import { shape } from "./shape";
import { trust } from "./trust";

export type { Case } from "./resources";

/** For each rule: what passes, what fails, what only `up` will know, and what it is not about. */
export const cases: Readonly<Record<string, Cases>> = {
  ...reach,
  ...shape,
  ...trust,
  ...secrets,
  ...jobs,
  ...limits,
};
