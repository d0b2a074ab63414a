/** What went wrong, in a sentence for the user. Its stack trace says nothing to him and is not shown. */
export class CliError extends Error {
  override readonly name = "CliError";
  constructor(
    message: string,
    /** Exit code of the program. 1: it failed; 2: it could not be tried; 130: cancelled. */
    readonly exitCode: number = 2,
  ) {
    super(message);
  }
}
