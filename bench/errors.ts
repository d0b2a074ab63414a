/** What went wrong, in a sentence for the one who measures. */
export class BenchError extends Error {
  override readonly name: string = "BenchError";
}

/** The user pressed Ctrl-C, or somebody ended the program. */
export class Interrupted extends BenchError {
  override readonly name = "Interrupted";
  constructor() {
    super("interrupted");
  }
}
