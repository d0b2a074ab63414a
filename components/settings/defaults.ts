import { type AskedAuth, completeAuth } from "./auth";
import type { CloudSettings, Settings } from "./model";
import type { Report } from "./problems";

/**
 * Defaults that depend on the kind of cloud: what suits machines inside a host would be wrong on the internet. And those that
 * depend on who knows a closed site's visitors.
 */

interface CloudDefaults {
  readonly ipv4: string;
  /** None where the private network has IPv4 alone. */
  readonly ipv6?: string;
  /** None where only the user knows from where administrators come. */
  readonly adminCidrs?: readonly string[];
  /** None where visitors need a domain that exists. */
  readonly domain?: string;
}

const defaults: { readonly [K in CloudSettings["kind"]]: CloudDefaults } = {
  local: {
    ipv4: "198.51.100.0/24",
    ipv6: "fd00:1ab::/64",
    adminCidrs: ["192.0.2.10/32", "fd00:1ab:ff::10/128"],
    domain: "www.dev.test",
  },
  linode: { ipv4: "10.1.0.0/24" },
  openstack: { ipv4: "10.1.0.0/24" },
};

/** Settings of which the schema has looked at each one; those that are wrong in themselves are missing. */
export type Looked = Omit<Partial<Settings>, "auth" | "network" | "site"> & {
  auth?: AskedAuth;
  network?: Partial<Settings["network"]>;
  site?: Partial<Settings["site"]>;
};

/**
 * Fills in what the stack's file leaves out, and reports what its kind of cloud has no default for. What is wrong in
 * itself stays missing: it was reported already.
 * @param right the names of the settings at the top that are right in themselves, given or not
 */
export function completeSettings(
  looked: Looked,
  right: ReadonlySet<string>,
  report: Report,
): Partial<Settings> {
  const kind = looked.cloud?.kind ?? "local";
  const standard = defaults[kind];
  const needed = (path: string[], what: string) =>
    report(path, `is missing; with the cloud ${kind}, name ${what}`);

  const { auth, network, site, adminCidrs, ...others } = looked;
  const complete: { -readonly [P in keyof Settings]?: Settings[P] } = others;
  if (auth) complete.auth = completeAuth(auth);
  if (network) {
    const { ipv4 = standard.ipv4, ipv6 = standard.ipv6, family } = network;
    complete.network = {
      ipv4,
      ...(ipv6 === undefined ? {} : { ipv6 }),
      family: family ?? (ipv6 === undefined ? "ipv4" : "ipv6"),
    };
  }
  complete.adminCidrs = adminCidrs ?? standard.adminCidrs;
  if (right.has("adminCidrs") && complete.adminCidrs === undefined) {
    needed(["adminCidrs"], "the networks from which administrators come");
  }
  if (site) {
    if (site.enabled && (site.domain ?? standard.domain) === undefined) {
      needed(["site", "domain"], "the host name by which visitors find the site");
    }
    complete.site = { domain: standard.domain ?? "www.dev.test", ...site } as Settings["site"];
  }
  return complete;
}
