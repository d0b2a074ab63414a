import { eachJob, jobTypes } from "../lib/jobs";
import type { Rule } from "../lib/rule";

export const jobNamespace: Rule = {
  name: "job-namespace",
  what: "Every job is in a namespace of its own, not in the default one.",
  why: "Rights are given by namespace: in the default one every job may read what the others may.",
  remediation: "Set namespace in the job's file, and make the namespace first.",
  severity: "medium",
  level: "mandatory",
  types: jobTypes,
  resource(subject, findings) {
    eachJob(subject, findings, ({ id, namespace }) => {
      if (namespace === undefined || namespace === "default")
        findings.violation(`the job ${id} is in the default namespace`);
      else if (/^var\./.test(namespace))
        findings.violation(`nobody can tell the namespace of the job ${id}: ${namespace} is given no value`);
    });
  },
};
