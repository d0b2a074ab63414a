import { eachJob, jobTypes, type Task } from "../lib/jobs";
import type { Rule } from "../lib/rule";

function rights(task: Task): string[] {
  return [
    ...(task.driver === "raw_exec" ? ["runs by raw_exec, as the agent itself"] : []),
    ...(["false", undefined].includes(task.setting("privileged")) ? [] : ["is privileged"]),
    ...(["pid_mode", "ipc_mode"] as const).flatMap((path) =>
      task.setting(path) === "host" ? [`has the host's ${path}`] : [],
    ),
    ...(/\b(all|sys_admin|sys_ptrace|sys_module|net_admin|dac_read_search)\b/i.test(
      task.setting("cap_add") ?? "",
    )
      ? ["adds capabilities of an administrator"]
      : []),
  ];
}

export const jobUnprivileged: Rule = {
  name: "job-unprivileged",
  what: "No task of a job has the rights of its host.",
  why: "Who breaks into such a task has the client, its token, and the secrets of all its neighbours.",
  remediation:
    "Take privileged, raw_exec, the host's namespaces or the capability away; name the single capability that is needed.",
  severity: "high",
  level: "mandatory",
  types: jobTypes,
  resource(subject, findings) {
    eachJob(subject, findings, ({ tasks }) => {
      for (const task of tasks) {
        for (const right of rights(task)) findings.violation(`the task ${task.name} ${right}`);
      }
    });
  },
};
