/** What a shell sees of a failure. Zero is success. */
export const exitCodes = { failed: 1, usage: 2, host: 3, unknownMachine: 4 } as const;

/** A failure in one sentence for the operator: what and where. Carries the program's exit code. */
export class LabError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(message);
    this.name = "LabError";
  }
}

/** For a machine that the lab does not have. */
export const unknownMachine = (lab: string, name: string): LabError =>
  new LabError(`The lab ${lab} has no machine "${name}".`, exitCodes.unknownMachine);

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
