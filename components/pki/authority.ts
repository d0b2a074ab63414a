import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface ServiceAuthorityArgs {
  /** The service whose certificates it signs. Example: "consul". */
  service: string;
  /** Organization in both certificates' subjects; nobody decides by it. Default "pulumi-hashistack". */
  organization?: string;
  /** Life of the root in years. Default 10. */
  rootYears?: number;
  /** Life of the issuing certificate in years; it is made anew by an `up` in the last quarter. Default 2. */
  issuingYears?: number;
  /** Whether the root and its key may not be destroyed while the stack lives: all certificates would be void. Default false. */
  protect?: boolean;
}

const hoursOfYear = 8766;
const usages = ["cert_signing", "crl_signing"];

/**
 * The certificate authority of one service: a root whose key stays in the encrypted state, and under it an issuing
 * authority whose key goes to support's signer. A new issuing certificate leaves the trust as it is.
 *
 * @example
 * const consul = new ServiceAuthority("consul", { service: "consul" });
 */
export class ServiceAuthority extends pulumi.ComponentResource {
  /** Root certificate, PEM: what everybody who talks to the service trusts. */
  public readonly rootPem: pulumi.Output<string>;
  /** Issuing certificate, PEM: served after the leaf. */
  public readonly issuingPem: pulumi.Output<string>;
  /** Private key of the issuing authority, PEM. Secret; for the signer alone. */
  public readonly issuingKeyPem: pulumi.Output<string>;

  constructor(name: string, args: ServiceAuthorityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pulumi-hashistack:index:ServiceAuthority", name, {}, opts);
    const child = { parent: this };
    // Not on the component: what it makes would inherit it, and the issuing authority is there to be replaced.
    const guarded = { ...child, protect: args.protect };
    const organization = args.organization ?? "pulumi-hashistack";
    const issuingHours = Math.round((args.issuingYears ?? 2) * hoursOfYear);
    const key = { algorithm: "ECDSA", ecdsaCurve: "P256" };

    const rootKey = new tls.PrivateKey(`${name}-root`, key, guarded);
    const root = new tls.SelfSignedCert(
      `${name}-root`,
      {
        privateKeyPem: rootKey.privateKeyPem,
        subject: { commonName: `${args.service} root`, organization },
        validityPeriodHours: Math.round((args.rootYears ?? 10) * hoursOfYear),
        isCaCertificate: true,
        maxPathLength: 1,
        setSubjectKeyId: true,
        allowedUses: usages,
      },
      guarded,
    );

    const issuingKey = new tls.PrivateKey(`${name}-issuing`, key, child);
    const request = new tls.CertRequest(
      `${name}-issuing`,
      {
        privateKeyPem: issuingKey.privateKeyPem,
        subject: { commonName: `${args.service} issuing`, organization },
      },
      child,
    );
    const issuing = new tls.LocallySignedCert(
      `${name}-issuing`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: rootKey.privateKeyPem,
        caCertPem: root.certPem,
        validityPeriodHours: issuingHours,
        earlyRenewalHours: Math.round(issuingHours / 4),
        isCaCertificate: true,
        // It signs leaves and nothing that could sign in turn.
        maxPathLength: 0,
        setSubjectKeyId: true,
        allowedUses: usages,
      },
      child,
    );

    this.rootPem = root.certPem;
    this.issuingPem = issuing.certPem;
    this.issuingKeyPem = pulumi.secret(issuingKey.privateKeyPem);
    this.registerOutputs({
      rootPem: this.rootPem,
      issuingPem: this.issuingPem,
      issuingKeyPem: this.issuingKeyPem,
    });
  }
}
