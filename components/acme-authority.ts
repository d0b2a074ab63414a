import * as pulumi from "@pulumi/pulumi";
import type { Cloud } from "./clouds/cloud";
import type { AcmeCredential, AcmeSettings, Settings } from "./settings";
import { acmeDomains, localDirectory } from "./settings/acme";

/** Who is asked for the site's public certificate, and how. */
export interface AcmeAuthority {
  /** The setting, with what the cloud's own server has others of. */
  readonly asked: pulumi.Output<Omit<AcmeSettings, "credential">>;
  /** A secret. */
  readonly credential: pulumi.Output<AcmeCredential>;
}

/**
 * The ACME server of the setting `acme`; with "local" it is the cloud's own, made here.
 *
 * @returns undefined without the setting
 */
export function acmeAuthorityOf(
  settings: Settings,
  cloud: Cloud,
  opts: pulumi.CustomResourceOptions,
): AcmeAuthority | undefined {
  if (!settings.acme) return undefined;
  const { credential, ...asked } = settings.acme;
  if (asked.directory !== localDirectory || !cloud.acmeServer)
    return { asked: pulumi.output(asked), credential: pulumi.secret(credential) };
  const { directory, ca, api, resolvers, token } = cloud.acmeServer(
    zonesOf(acmeDomains(settings.acme, settings)),
    opts,
  );
  return {
    asked: pulumi.all([directory, ca, api, resolvers]).apply(([directory, ca, api, resolvers]) => ({
      ...asked,
      ...{ directory, ca, api, resolvers, provider: "linode" as const },
    })),
    credential: pulumi.secret(token.apply((token) => ({ token }))),
  };
}

/** The domains in which all these names lie, none in another. Example: ["*.example.org", "example.org"] lie in ["example.org"]. */
export function zonesOf(names: readonly string[]): string[] {
  const domains = [...new Set(names.map((name) => name.replace(/^\*\./, "")))];
  return domains.filter((one) => !domains.some((other) => one.endsWith(`.${other}`)));
}
