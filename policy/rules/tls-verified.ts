import type { Rule } from "../lib/rule";

/** Properties that switch verification off, whatever the provider. */
const off =
  /^(skipTlsVerify|tlsSkipVerify|insecure|insecureTls|insecureSkipVerify|tlsDisable|allowInsecure|disableTlsVerification)$/;

/** Where a provider or Vault itself reads what it trusts. */
const addresses = /^(address|url|authUrl|jwksUrl|oidcDiscoveryUrl|kubernetesHost)$/;

/** How programs are told not to look. */
const told =
  /(\bcurl\b[^|;&\n]*\s(-[a-zA-Z]*k[a-zA-Z]*|--insecure)\b|\bwget\b[^|;&\n]*--no-check-certificate|-tls-skip-verify\b|\b(VAULT|NOMAD)_SKIP_VERIFY=["']?(1|true)|CONSUL_HTTP_SSL_VERIFY=["']?(0|false)|NODE_TLS_REJECT_UNAUTHORIZED=["']?0|StrictHostKeyChecking[= ]["']?(no|off)|GIT_SSL_NO_VERIFY=)/;

/** The first and the last word, which is the one that does it: what stands between may be a secret. */
const ends = (text: string): string => {
  const all = text.trim().split(/\s+/);
  return all.length > 2 ? `${all[0]} … ${all.at(-1)}` : all.join(" ");
};

export const tlsVerified: Rule = {
  name: "tls-verified",
  what: "Nobody is told not to verify the other side, and no provider speaks in clear.",
  why: "Encrypted to whoever answers is as good as in clear: the one in the middle answers, too.",
  remediation:
    "Give the authority's certificate instead (caCertFile, cacertFile, --cacert), and an address with https.",
  severity: "critical",
  level: "mandatory",
  types: "all",
  resource({ type, props }, { violation, notKnownYet }) {
    const provider = type.startsWith("pulumi:providers:");
    const concerns = provider || /^(vault|linode|openstack|nomad|consul):/.test(type);
    const command = type.startsWith("command:");
    if (!concerns && !command) return;
    const undecided = (path: string): void => {
      const key = path.split(/[.[]/).at(-1) ?? "";
      if (
        off.test(key) ||
        (provider && addresses.test(key)) ||
        (command && /^(create|update|delete)$/.test(path))
      )
        notKnownYet(path);
    };
    for (const { path, key, value } of props.leaves(undecided)) {
      if (off.test(key) && String(value) === "true") violation(`${path} is true`);
      if (concerns && addresses.test(key) && /^http:\/\//.test(String(value)))
        violation(`${path} is an address with http`);
      const how =
        command && /^(create|update|delete|environment|interpreter)/.test(path) && told.exec(String(value));
      if (how) violation(`${path} switches verification off: ${ends(how[1] ?? "")}`);
      if (command && path.startsWith("environment.") && told.test(`${key}=${value}`))
        violation(`${path} switches verification off`);
    }
  },
};
