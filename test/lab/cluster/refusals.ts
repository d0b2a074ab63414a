import { describe } from "vitest";
import { credentials } from "../refusals/handshakes";
import { exposure } from "../refusals/knocks";
import { signerRefusals } from "../refusals/signing";
import { sshRefusals } from "../refusals/ssh";
import { taskRefusals } from "../refusals/tasks";
import { tokens } from "../refusals/tokens";
import type { Trial } from "../support/trial";

/**
 * What nobody may do: the table in test/lab/refusals/table.txt, on real daemons. Each refusal has beside it the like that
 * is allowed, or the refusal would prove nothing.
 */
export function refusals(trial: Trial): void {
  describe("refused", () => {
    exposure(trial);
    credentials(trial);
    tokens(trial);
    taskRefusals(trial);
    sshRefusals(trial);
    signerRefusals(trial);
  });
}
