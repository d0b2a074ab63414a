import type * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { ServiceAuthority } from "./pki/authority";

/** What the cluster's trust rests on: an authority for each service, one seed, key pairs for logins and restarts. */
export interface Trust {
  readonly consul: ServiceAuthority;
  readonly vault: ServiceAuthority;
  readonly nomad: ServiceAuthority;
  readonly support: ServiceAuthority;
  /** The site's own authority, until a public one signs. */
  readonly site: ServiceAuthority;
  /** 48 random characters, from which tokens and keys are derived. Secret. */
  readonly seed: pulumi.Output<string>;
  /** OpenSSH private key of the stack's login. Secret. */
  readonly loginPrivateKey: pulumi.Output<string>;
  readonly loginPublicKey: pulumi.Output<string>;
  /** OpenSSH private key by which support makes servers restart what waits for it, and nothing else. Secret. */
  readonly rolloutPrivateKey: pulumi.Output<string>;
  readonly rolloutPublicKey: pulumi.Output<string>;
}

/**
 * Makes the cluster's trust. None of it depends on a machine.
 * @param protect whether the roots and the seed may not be destroyed while the stack lives: another one is another cluster
 */
export function makeTrust(cluster: string, protect: boolean, opts: pulumi.CustomResourceOptions): Trust {
  const authority = (service: string) =>
    new ServiceAuthority(service, { service, organization: cluster, protect }, opts);
  // Not RandomBytes: that resource's id is the bytes themselves, and ids lie in clear in the state.
  const seed = new random.RandomPassword("seed", { length: 48, special: false }, { ...opts, protect });
  const login = new tls.PrivateKey("login", { algorithm: "ED25519" }, opts);
  const rollout = new tls.PrivateKey("rollout", { algorithm: "ED25519" }, opts);
  return {
    consul: authority("consul"),
    vault: authority("vault"),
    nomad: authority("nomad"),
    support: authority("support"),
    site: authority("site"),
    seed: seed.result,
    loginPrivateKey: login.privateKeyOpenssh,
    loginPublicKey: login.publicKeyOpenssh.apply((line) => line.trim()),
    rolloutPrivateKey: rollout.privateKeyOpenssh,
    rolloutPublicKey: rollout.publicKeyOpenssh.apply((line) => line.trim()),
  };
}
