import { expect, test } from "vitest";
import { apiSurface } from "./surface";

/**
 * What programs of others see of the library. A difference is for a reviewer: CONTRIBUTING.md says what of it breaks them.
 * After a change that is meant: npm run build, then npx vitest run --project unit test/unit/api --update
 */
test("the package's types", async () => {
  await expect(apiSurface()).toMatchFileSnapshot("../../api/pulumi-hashistack.txt");
});
