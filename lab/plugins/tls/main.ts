/** The stand-in for the provider plugin `tls`: real keys and certificates, fewer kinds and properties. */
import { serve } from "../common/serve";
import { certRequestKind, locallySignedCertKind, privateKeyKind, selfSignedCertKind } from "./resources";

serve(
  {
    name: "tls",
    version: "5.6.1",
    config: { proxy: { type: "object", unimplemented: "it connects to nothing" } },
    resources: [privateKeyKind, certRequestKind, selfSignedCertKind, locallySignedCertKind],
  },
  process.argv.slice(2),
).catch((error: unknown) => {
  process.stderr.write(`tls plugin: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
