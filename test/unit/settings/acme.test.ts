import { describe, expect, test } from "vitest";
import type { AcmeSettings } from "../../../components/settings";
import { acmeDirectory, acmeDomains, acmeProvider } from "../../../components/settings/acme";
import { parseSettings } from "../../../components/settings/parse";
import { goodSettings, problemsOf } from "./stack-files";

const acme = { email: "ops@example.org", provider: "linode", credential: { token: "t0ken" } };
const dns = { domain: "example.org", owned: true, provider: "linode" };
const pem = "-----BEGIN CERTIFICATE-----\n";

describe("acme", () => {
  test("what is left out has a default, and the site's domain is the certificate's name", () => {
    const settings = parseSettings({ ...goodSettings(), acme });
    expect(settings.acme).toEqual({
      ...acme,
      directory: "letsencrypt",
      keyType: "ec256",
      renewDays: 30,
      resolvers: [],
    });
    if (!settings.acme) throw new Error("no acme");
    expect(acmeDirectory(settings.acme)).toBe("https://acme-v02.api.letsencrypt.org/directory");
    expect(acmeDomains(settings.acme, settings)).toEqual(["www.dev.test"]);
  });

  test("where dashboards are published the certificate is for their names, too", () => {
    const published = {
      ...goodSettings(),
      site: { domain: "www.example.org", ingress: "traefik" },
      auth: {
        ...{ issuer: "https://id.example.org", clientId: "hashistack", clientSecret: "s3cret" },
        dashboards: { nomad: ["staff"], vault: ["staff"] },
      },
    };
    const settings = parseSettings({ ...published, acme });
    if (!settings.acme) throw new Error("no acme");
    expect(acmeDomains(settings.acme, settings)).toEqual([
      "www.example.org",
      "nomad.www.example.org",
      "vault.www.example.org",
    ]);
    const given = (...domains: string[]) => problemsOf({ ...published, acme: { ...acme, domains } });
    expect(given("www.example.org", "*.www.example.org")).toEqual([]);
    expect(given("www.example.org", "vault.www.example.org")).toEqual([
      'acme.domains: name no certificate for "nomad.www.example.org", where auth.dashboards.nomad is published',
    ]);
    // A wildcard is for one label.
    expect(given("*.example.org", "nomad.www.example.org")).toEqual([
      'acme.domains: name no certificate for "vault.www.example.org", where auth.dashboards.vault is published',
    ]);
  });

  test("the local cloud's own server is told nothing but whom to write to", () => {
    const local = { email: "ops@dev.test", directory: "local" };
    const settings = parseSettings({ ...goodSettings(), acme: local });
    expect(settings.acme).toMatchObject({ directory: "local", credential: {}, resolvers: [] });
    expect(
      problemsOf({ ...goodSettings(), acme: { ...acme, ...local, ca: pem, resolvers: ["192.0.2.53"] } }),
    ).toEqual(
      ["ca", "provider", "resolvers", "credential"].map(
        (field) =>
          `acme.${field}: is the local ACME server's own matter: leave it out where directory is "local"`,
      ),
    );
    const cloud = { kind: "linode", region: "nl-ams", image: "private/1" };
    expect(problemsOf({ ...goodSettings(), cloud, acme: local })).toContain(
      'acme.directory: "local" is the server of local machines; cloud.kind is linode',
    );
  });

  test("no setting, no certificate of others", () => {
    expect(parseSettings(goodSettings()).acme).toBeUndefined();
  });

  test("who serves the domain that the stack owns serves the certificate's names", () => {
    const { provider: _, ...without } = acme;
    const designate = { authUrl: "https://k.example.org/v3", id: "i", secret: "s" };
    const full: AcmeSettings = {
      ...{ directory: "letsencrypt", keyType: "ec256", renewDays: 30, resolvers: [] },
      ...without,
    };
    expect(acmeProvider(full, { ...dns, provider: "linode", ttl: 300 })).toBe("linode");
    expect(
      acmeProvider({ ...full, credential: designate }, { ...dns, provider: "openstack", ttl: 300 }),
    ).toBe("designate");
    expect(acmeProvider(full, { ...dns, owned: false, provider: "linode", ttl: 300 })).toBeUndefined();
  });

  test.each<[object, string[]]>([
    [
      { directory: "http://acme.test/dir" },
      [
        "acme.directory: must be letsencrypt, letsencrypt-staging, local, or a URL that begins with https:// and has no user in it",
      ],
    ],
    [
      { directory: "zerossl" },
      [
        "acme.directory: must be letsencrypt, letsencrypt-staging, local, or a URL that begins with https:// and has no user in it",
      ],
    ],
    [
      { directory: "letsencrypt-staging" },
      [
        "acme.ca: is missing: nobody's store has the roots of letsencrypt-staging, by which the site is looked at; " +
          "they are at https://letsencrypt.org/docs/staging-environment/",
      ],
    ],
    [{ directory: "letsencrypt-staging", ca: pem }, []],
    [{ ca: "roots.pem" }, ['acme.ca: must be a certificate in PEM, not "roots.pem"']],
    [{ email: "ops" }, ['acme.email: must be an e-mail address, such as "ops@example.org", not "ops"']],
    [{ domains: ["*.dev.test"] }, []],
    [{ domains: ["dev.test", "*.dev.test"] }, []],
    [
      { domains: ["www.dev.test", "*.dev.test"] },
      ['acme.domains[0]: is covered by "*.dev.test" already, and no authority signs for both'],
    ],
    [
      { domains: ["www.*.test", "*.dev.test"] },
      ['acme.domains[0]: must be a lower-case host name, or "*." before one, such as "*.example.org"'],
    ],
    [
      { domains: ["*.*.test", "*.dev.test"] },
      ['acme.domains[0]: must be a lower-case host name, or "*." before one, such as "*.example.org"'],
    ],
    [
      { domains: ["192.0.2.1", "*.dev.test"] },
      ['acme.domains[0]: must be a lower-case host name, or "*." before one, such as "*.example.org"'],
    ],
    [{ domains: ["*.dev.test", "*.dev.test"] }, ['acme.domains[1]: names "*.dev.test" a second time']],
    [{ domains: ["dev.test"] }, ['acme.domains: name no certificate for site.domain, "www.dev.test"']],
    [{ domains: [] }, ["acme.domains: must name at least one domain, or be left out"]],
    [
      { keyType: "ed25519" },
      ['acme.keyType: must be one of "ec256", "ec384", "rsa2048", "rsa4096", not "ed25519"'],
    ],
    [{ renewDays: 89 }, ["acme.renewDays: must be at most 60, not 89"]],
    [{ resolvers: ["192.0.2.53", "[2001:db8::53]:53", "ns1.example.org:5353"] }, []],
    [
      { resolvers: ["2001:db8::53"] },
      [
        'acme.resolvers[0]: must be a name server, such as "192.0.2.53", "[2001:db8::53]:53" or "ns1.example.org", not "2001:db8::53"',
      ],
    ],
    [
      { api: "http://127.0.0.1:8080" },
      ["acme.api: must be a URL that begins with https:// and has no user in it"],
    ],
    [{ credential: {} }, ["acme.credential.token: is missing; the provider linode needs token"]],
    [
      { credential: { token: 7 } },
      ["acme.credential.token: must be a text that is not empty (what was given is not shown)"],
    ],
    [{ credential: "t0ken" }, ["acme.credential: must be a mapping (what was given is not shown)"]],
    [
      { credential: { token: "t", keyName: "acme." } },
      ["acme.credential.keyName: is of no use to the provider linode"],
    ],
    [
      { provider: "rfc2136", credential: { server: "ns1:53" } },
      [
        "acme.credential.keyName: is missing; the provider rfc2136 needs server, keyName and secret",
        "acme.credential.secret: is missing; the provider rfc2136 needs server, keyName and secret",
      ],
    ],
    [
      { provider: undefined },
      [
        "acme.provider: is missing: say who serves the domains (linode, designate, rfc2136), or let dns own them",
      ],
    ],
  ])("%j", (change, problems) => {
    expect(problemsOf({ ...goodSettings(), acme: { ...acme, ...change } })).toEqual(problems);
  });

  test("a domain that the stack does not own needs a provider of its own", () => {
    const { provider: _, ...without } = acme;
    const cloud = { ...goodSettings(), dns, site: { domain: "www.example.org" } };
    const local = "dns.owned: must be false: the local cloud's addresses are reached from its own host alone";
    expect(problemsOf({ ...cloud, acme: without })).toEqual([local]);
    expect(
      problemsOf({ ...cloud, acme: { ...without, domains: ["www.example.org", "www.other.org"] } }),
    ).toEqual([
      local,
      'acme.domains: "www.other.org" does not lie in dns.domain, "example.org", which this stack owns; for another, name its acme.provider',
    ]);
  });

  test("without a site it is of no use", () => {
    expect(problemsOf({ ...goodSettings(), site: { enabled: false }, acme })).toEqual([
      "acme: is of no use while site.enabled is false: there is no ingress to show a certificate",
    ]);
  });
});
