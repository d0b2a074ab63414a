/** Stand-in for provider plugin random. */
import { serve } from "../common/serve";
import { randomBytesKind, randomId, randomPassword, randomUuid } from "./kinds";

void serve(
  { name: "random", version: "4.21.2", resources: [randomId, randomBytesKind, randomUuid, randomPassword] },
  process.argv.slice(2),
);
