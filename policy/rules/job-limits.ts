import { eachJob, jobTypes } from "../lib/jobs";
import type { Rule } from "../lib/rule";

export const jobLimits: Rule = {
  name: "job-limits",
  what: "Every task says how much processor and memory it needs.",
  why: "Nomad's own defaults fit nobody: the task is killed too early, or takes what its neighbours need.",
  remediation: "Give the task a block resources with cpu (or cores) and memory.",
  severity: "medium",
  level: "mandatory",
  types: jobTypes,
  resource(subject, findings) {
    eachJob(subject, findings, ({ tasks }) => {
      for (const { name, cpu, memory } of tasks) {
        const missing = [...(cpu ? [] : ["cpu"]), ...(memory ? [] : ["memory"])];
        if (missing.length > 0)
          findings.violation(`the task ${name} does not say its ${missing.join(" and ")}`);
      }
    });
  },
};
