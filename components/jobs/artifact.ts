/** Something in support's artifact store, as a job fetches it. */
export interface JobArtifact {
  /** https, with the address of the store. Example: "https://[fd00:1ab::2]:8443/<sha256>/fabio". */
  readonly url: string;
  /** SHA-256 of the content, hex. */
  readonly sha256: string;
}

/** A job's variables by name, JSON-able. Never secrets: Nomad shows them to whoever may read the job. */
export type JobVariables = Readonly<Record<string, unknown>>;

/** A job ready to be run: a file with variables and the values for them. */
export interface JobSpec {
  /** The job's ID, as its file says. */
  readonly id: string;
  /** Nomad namespace, as the job file says. */
  readonly namespace: string;
  /** The job file's text, HCL2 with variables. */
  readonly hcl: string;
  /** The values of the file's variables, by name. */
  readonly variables: JobVariables;
}
