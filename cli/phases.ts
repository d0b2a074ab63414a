/** The stages of a cluster's `up`, recognised by what the resources are called. */
import type { PhaseRule } from "./events";

const REMOTE = "command:remote:Command";

export const clusterPhases: readonly PhaseRule[] = [
  { title: "keys and tokens", holds: ({ type }) => /^(random|tls):/.test(type) },
  {
    title: "machines",
    holds: ({ type }) => type === "command:local:Command" || /:(instance|compute)\//.test(type),
  },
  { title: "enrolment", holds: ({ type, name }) => type === REMOTE && /-enrol$/.test(name) },
  { title: "signing profiles", holds: ({ type, name }) => type === REMOTE && /-signer-profile$/.test(name) },
  { title: "set-up of machines", holds: ({ type, name }) => type === REMOTE && /-apply$/.test(name) },
  { title: "jobs", holds: ({ types }) => types.some((type) => /:NomadJob$/.test(type)) },
  { title: "Vault's settings", holds: ({ type }) => type.startsWith("vault:") },
  { title: "cluster", holds: ({ type }) => type === REMOTE },
];
