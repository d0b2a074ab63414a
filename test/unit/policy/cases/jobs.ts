import {
  bundle,
  type Cases,
  jobFile,
  jobNotApplicable,
  jobUnknown,
  local,
  nomadJob,
  packed,
} from "./resources";

export const jobs: Readonly<Record<string, Cases>> = {
  "job-artifacts-pinned": {
    pass: [
      { resources: [bundle(jobFile())] },
      { resources: [packed(jobFile())] },
      { resources: [nomadJob(jobFile({ task: "", config: 'image = "caddy:2.11@sha256:aa"' }))] },
      { resources: [local()] },
    ],
    fail: [
      {
        resources: [bundle(jobFile({ task: 'artifact { source = "https://a/b" }' }))],
        says: "web/web/caddy fetches https://a/b",
      },
      {
        resources: [packed(jobFile({ task: "artifact {\n source = var.program.url\n}" }))],
        says: "without a checksum",
      },
      {
        resources: [
          nomadJob(jobFile({ task: "", config: 'image = "caddy:latest"' }).replace('"exec"', '"docker"')),
        ],
        says: "caddy:latest",
      },
      {
        resources: [
          nomadJob(
            JSON.stringify({
              ID: "j",
              TaskGroups: [{ Name: "g", Tasks: [{ Name: "t", Artifacts: [{ GetterSource: "u" }] }] }],
            }),
            { json: true },
          ),
        ],
        says: "j/g/t fetches u",
      },
    ],
    unknown: jobUnknown,
    notApplicable: jobNotApplicable,
  },
  "job-unprivileged": {
    pass: [{ resources: [bundle(jobFile({ config: 'cap_add = ["net_bind_service"]' }))] }],
    fail: [
      { resources: [bundle(jobFile({ config: "privileged = true" }))], says: "web/web/caddy is privileged" },
      { resources: [packed(jobFile({ config: 'pid_mode = "host"' }))], says: "the host's pid_mode" },
      { resources: [nomadJob(jobFile().replace('"exec"', '"raw_exec"'))], says: "raw_exec" },
      { resources: [nomadJob(jobFile({ config: 'cap_add = ["SYS_ADMIN"]' }))], says: "administrator" },
      { resources: [nomadJob('job "x" { group')], says: "cannot be read" },
    ],
    unknown: jobUnknown,
    notApplicable: jobNotApplicable,
  },
  "job-limits": {
    pass: [
      { resources: [bundle(jobFile())] },
      { resources: [nomadJob(jobFile({ resources: "cores = 1\n memory = 64" }))] },
    ],
    fail: [
      { resources: [bundle(jobFile({ resources: "cpu = 50" }))], says: "its memory" },
      { resources: [nomadJob(jobFile({ resources: "" }))], says: "its cpu and memory" },
    ],
    unknown: jobUnknown,
    notApplicable: jobNotApplicable,
  },
  "job-namespace": {
    pass: [
      { resources: [bundle(jobFile())] },
      { resources: [nomadJob(jobFile({ namespace: 'namespace = "web"' }))] },
      { resources: [nomadJob(jobFile(), { hcl2: { vars: { namespace: "web" } } })] },
    ],
    fail: [
      {
        resources: [bundle(jobFile(), { namespace: "default" })],
        says: "the job web is in the default namespace",
      },
      { resources: [nomadJob(jobFile({ namespace: "" }))], says: "default namespace" },
      { resources: [nomadJob(jobFile())], says: "given no value" },
    ],
    unknown: jobUnknown,
    notApplicable: jobNotApplicable,
  },
};
