import { eachJob, jobTypes } from "../lib/jobs";
import type { Rule } from "../lib/rule";

/** An address without what may be a secret in it: a login, a query. */
const bare = (source: string): string =>
  source
    .replace(/^((?:\w+::)?\w+:\/\/)[^/@]*@/, "$1")
    .replace(/[?#].*$/s, "")
    .slice(0, 80);

export const jobArtifactsPinned: Rule = {
  name: "job-artifacts-pinned",
  what: "What a task fetches is named by version and checksum.",
  why: "Otherwise the next start of the task runs what its publisher, or whoever has his key, has put there since.",
  remediation:
    'artifact: options { checksum = "sha256:…" }. Container image: a tag that is not latest, and @sha256:….',
  severity: "high",
  level: "mandatory",
  types: jobTypes,
  config: {
    digest: {
      type: "boolean",
      default: true,
      description: "Whether container images need a digest, not only a tag.",
    },
  },
  resource(subject, findings, config) {
    eachJob(subject, findings, ({ tasks }) => {
      for (const task of tasks) {
        for (const { source, checksum } of task.artifacts) {
          if (!checksum)
            findings.violation(`the task ${task.name} fetches ${bare(source)} without a checksum`);
        }
        const image = task.setting("image");
        if (image === undefined || !["docker", "podman", "containerd-driver"].includes(task.driver ?? ""))
          continue;
        const [name = "", digest] = image.split("@");
        const tag = /:([\w.-]+)$/.exec(name)?.[1];
        if (!digest && (config.digest !== false || !tag || tag === "latest"))
          findings.violation(`the image ${image} of the task ${task.name} is not pinned`);
      }
    });
  },
};
