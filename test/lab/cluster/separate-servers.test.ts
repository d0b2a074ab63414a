import { afterAll, beforeAll, describe } from "vitest";
import { Trial } from "../support/trial";
import { ending } from "./ending";
import { firstUp, secondUp } from "./first-up";

/** The second topology: Consul, Vault and Nomad servers on machines of their own, nine of them. */

const trial = new Trial("separate", { settings: "examples/separate-servers/Pulumi.dev.yaml" });

describe("servers on machines of their own", () => {
  beforeAll(async () => {
    await trial.open();
    const { code, stderr } = await trial.cli("up", "--json");
    if (code !== 0) throw new Error(`the first up: ${stderr}`);
  });
  afterAll(() => trial.close());

  firstUp(trial);
  secondUp(trial);
  ending(trial);
});
