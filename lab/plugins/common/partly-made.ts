import type { Values } from "./kinds";

/**
 * A resource that was made and then failed: it did not come up in time. The engine keeps it in the state, fails, and
 * brings it to its goal by an update next time; any other error would lose its id.
 */
export class PartlyMade extends Error {
  /**
   * @param message one sentence: what and where.
   * @param outputs the computed outputs as far as they are known.
   * @param inputs set on the way to the engine.
   */
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Values,
    readonly inputs: Values = {},
  ) {
    super(message);
  }
}
