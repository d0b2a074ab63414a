/** The stand-in for the provider plugin `linode`: Linode's real HTTP API, fewer kinds and properties. */
import { serve } from "../common/serve";
import { linodeProvider } from "./provider";

serve(linodeProvider(), process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`linode plugin: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
