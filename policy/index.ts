import { PolicyPack } from "@pulumi/policy";
import { rememberMarks } from "./lib/marks";
import { toPolicies } from "./lib/pack";
import { rules } from "./rules";

rememberMarks();
new PolicyPack("hashistack", { displayName: "HashiStack", policies: toPolicies(rules) });
