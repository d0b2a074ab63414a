/** Stand-in for provider plugin command. */
import { serve } from "../common/serve";
import { localCommand } from "./local";
import { remoteCommand } from "./remote";

void serve(
  { name: "command", version: "1.2.1", resources: [localCommand, remoteCommand] },
  process.argv.slice(2),
);
