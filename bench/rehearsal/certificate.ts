/** The site's public certificate: who gives it in a rehearsal, and who vouches for what visitors are shown. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AcmeOutside } from "../../lab/acme/outside";
import { type Ran, until } from "../run";
import { token } from "./emulated";
import { type Hands, lastWords } from "./hands";
import type { StackConfig } from "./settings";

/** Has the stack ask the rehearsal's ACME server, by records of the domain that it owns. Gives a line that says so. */
export function certifiedBy(config: StackConfig, { settings }: Pick<AcmeOutside, "settings">): string {
  // Who writes the records is known by the domain, as it is with the true one.
  const { provider: _, ...told } = settings;
  config["hashistack:acme"] = { email: "ops@example.org", ...told, credential: { token } };
  return `acme: a certificate from ${settings.directory}, in place of Let's Encrypt's`;
}

/**
 * Waits for the certificate, and looks at what is shown and what is left of its making.
 *
 * @param visit asks for the site by its name, with the roots in a file
 */
export async function lookAtCertificate(
  { check, cli, linode }: Hands,
  { root }: AcmeOutside,
  folder: string,
  visit: (ca: string) => Promise<Ran>,
): Promise<void> {
  await check("the site has a certificate from the ACME server", async () => {
    const ran = await cli("acme", "renew", "--limit", "5");
    return ran.code === 0 ? { ok: true, found: ran.stdout.trim() } : lastWords(ran);
  });
  await check("anybody who trusts that server's root alone sees the site", async () => {
    const file = join(folder, "rehearsal-acme-ca.pem");
    writeFileSync(file, root);
    // The ingress reads it anew within some ten seconds.
    const shown = async () => {
      const { code, stdout, stderr } = await visit(file);
      if (code !== 0) throw new Error(`curl: ${code} ${stderr.trim()}`);
      return stdout;
    };
    return { ok: true, found: `${(await until("the certificate", 60, shown)).length} characters` };
  });
  await check("no record is left of the domain's proof", async () => {
    const records = [...linode.api.state.domains.values()].flatMap((domain) => domain.records);
    const left = records.filter(({ type }) => type === "TXT").map(({ name }) => name);
    return { ok: left.length === 0, found: left.join(", ") || "none" };
  });
}
