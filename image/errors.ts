/** What a shell sees of a failure. Zero is success. */
export const exitCodes = { failed: 1, usage: 2, host: 3, interrupted: 130 } as const;

/** What went wrong, in a sentence for the one who makes an image. Carries the program's exit code. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  constructor(
    message: string,
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(message);
  }
}
