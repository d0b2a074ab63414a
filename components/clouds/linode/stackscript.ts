import { readFileSync } from "node:fs";
import { join, sep } from "node:path";
import * as linode from "@pulumi/linode";
import * as pulumi from "@pulumi/pulumi";
import type { FirstContact } from "../cloud";

/**
 * The other way in: a StackScript, for regions without metadata and images without cloud-init. Linode keeps the answers to
 * its questions to itself, and the machine keeps them where root alone reads; they tell no more than user data do.
 */

/** The build leaves what is no TypeScript where it is. */
function script(): string {
  const here = __dirname.replace(`${sep}dist${sep}components`, `${sep}components`);
  return readFileSync(join(here, "first-contact.sh"), "utf8");
}

/** The script of a cluster: another text changes it in place, and no machine. */
export function firstContactScript(cluster: string, opts: pulumi.CustomResourceOptions): linode.StackScript {
  return new linode.StackScript(
    "first-contact",
    {
      label: `${cluster}-first-contact`,
      description: `First contact of the machines of ${cluster}`,
      script: script(),
      // Private images cannot be named; this means them, too.
      images: ["any/all"],
      isPublic: false,
    },
    opts,
  );
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A machine's answers. Secret, for the throw-away host key. */
export function firstContactAnswers(contact: FirstContact): pulumi.Output<Record<string, string>> {
  return pulumi.secret(
    pulumi.output(contact).apply(
      ({ user, authorizedKeys, hostKey }): Record<string, string> => ({
        hs_user: user,
        hs_keys: base64(`${authorizedKeys.map((key) => key.trim()).join("\n")}\n`),
        hs_host_key: base64(`${hostKey.trim()}\n`),
      }),
    ),
  );
}
