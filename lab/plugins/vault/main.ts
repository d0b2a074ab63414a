/** The stand-in for the provider plugin `vault`: Vault's real HTTP API, fewer kinds and properties. */
import { serve } from "../common/serve";
import { vaultProvider } from "./provider";

serve(vaultProvider(), process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`vault plugin: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
