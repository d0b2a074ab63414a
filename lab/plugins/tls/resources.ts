import type { ReadResult, ResourceKind, Values } from "../common/kinds";
import type { CertificateNames, CertificateTerms, IssuedCertificate } from "./certificates";
import {
  type Algorithm,
  algorithms,
  describePrivateKey,
  type EcdsaCurve,
  ecdsaCurves,
  generatePrivateKey,
  keyAlgorithm,
  keyId,
  parsePrivateKey,
} from "./keys";
import { atLeast, certificateNames, certificateTerms, oneOf, privateKey, signing } from "./properties";

/** `tls.PrivateKey`: any change makes a new key (resource_private_key.go). */
export const privateKeyKind: ResourceKind = {
  token: "tls:index/privateKey:PrivateKey",
  inputs: {
    algorithm: { type: "string", required: true, forceNew: true, validate: oneOf(algorithms) },
    ecdsaCurve: { type: "string", default: "P224", forceNew: true, validate: oneOf(ecdsaCurves) },
    rsaBits: { type: "integer", default: 2048, forceNew: true, validate: atLeast(1024) },
  },
  outputs: {
    privateKeyPem: { secret: true },
    privateKeyPemPkcs8: { secret: true },
    privateKeyOpenssh: { secret: true },
    publicKeyPem: {},
    publicKeyOpenssh: {},
    publicKeyFingerprintMd5: {},
    publicKeyFingerprintSha256: {},
  },
  async create(inputs) {
    const key = await generatePrivateKey(
      inputs.algorithm as Algorithm,
      inputs.ecdsaCurve as EcdsaCurve,
      inputs.rsaBits as number,
    );
    return { id: keyId(key), outputs: { ...describePrivateKey(key) } };
  },
};

/** `tls.CertRequest`: any change makes a new request (resource_cert_request.go). */
export const certRequestKind: ResourceKind = {
  token: "tls:index/certRequest:CertRequest",
  inputs: { ...privateKey, ...certificateNames },
  outputs: { certRequestPem: {}, keyAlgorithm: {} },
  async create(inputs) {
    const { createRequest } = await certificates();
    const { id, certRequestPem } = await createRequest(
      inputs.privateKeyPem as string,
      inputs as CertificateNames,
    );
    return { id, outputs: { certRequestPem, keyAlgorithm: algorithmOf(inputs, "privateKeyPem") } };
  },
};

/** What the two kinds of certificates have in common: renewal, and an update that keeps the certificate. */
function certificateKind(
  own: Pick<ResourceKind, "token" | "inputs">,
  algorithmOutput: string,
  issue: (inputs: Values) => Promise<{ certificate: IssuedCertificate; algorithm: string }>,
): ResourceKind {
  const outputs: ResourceKind["outputs"] = {
    certPem: { stable: true },
    validityStartTime: { stable: true },
    validityEndTime: { stable: true },
    readyForRenewal: { stable: true },
    [algorithmOutput]: { stable: true },
  };
  return {
    ...own,
    outputs,
    // modifyPlanIfCertificateReadyForRenewal in common_cert.go: the new setting counts, not the old one.
    mustReplace: (state, inputs) => (isDue(state, inputs) ? ["readyForRenewal"] : []),
    async create(inputs) {
      const { certificate, algorithm } = await issue(inputs);
      const { id, ...times } = certificate;
      return { id, outputs: { ...times, readyForRenewal: false, [algorithmOutput]: algorithm } };
    },
    // A new earlyRenewalHours alone comes here: the certificate stays.
    update: async (_id, state) => pick(state, Object.keys(outputs)),
    async read(id, state): Promise<ReadResult> {
      if (state.certPem === undefined) {
        throw new Error(`${own.token} ${id} cannot be imported: it exists in the state alone`);
      }
      const known = pick(state, Object.keys(outputs));
      return {
        id,
        inputs: pick(state, Object.keys(own.inputs)),
        outputs: isDue(state, state) ? { ...known, readyForRenewal: true } : known,
      };
    },
  };
}

/** `tls.SelfSignedCert` (resource_self_signed_cert.go). */
export const selfSignedCertKind: ResourceKind = certificateKind(
  {
    token: "tls:index/selfSignedCert:SelfSignedCert",
    inputs: {
      ...privateKey,
      ...certificateNames,
      ...certificateTerms,
      setAuthorityKeyId: { type: "boolean", default: false, forceNew: true },
    },
  },
  "keyAlgorithm",
  async (inputs) => {
    const { selfSign } = await certificates();
    const names = inputs as CertificateNames;
    const certificate = await selfSign(inputs.privateKeyPem as string, names, terms(inputs), new Date());
    return { certificate, algorithm: algorithmOf(inputs, "privateKeyPem") };
  },
);

/** `tls.LocallySignedCert` (resource_locally_signed_cert.go). */
export const locallySignedCertKind: ResourceKind = certificateKind(
  {
    token: "tls:index/locallySignedCert:LocallySignedCert",
    inputs: { ...signing, ...certificateTerms },
  },
  "caKeyAlgorithm",
  async (inputs) => {
    const { signRequest } = await certificates();
    const certificate = await signRequest(
      inputs.certRequestPem as string,
      inputs.caCertPem as string,
      inputs.caPrivateKeyPem as string,
      terms(inputs),
      new Date(),
    );
    return { certificate, algorithm: algorithmOf(inputs, "caPrivateKeyPem") };
  },
);

/** The X.509 library takes longer to load than all the rest: only a plugin that makes certificates does. */
function certificates(): Promise<typeof import("./certificates.js")> {
  return import("./certificates.js");
}

// The base has checked names and types before any of these is called.
function terms(inputs: Values): CertificateTerms {
  return inputs as unknown as CertificateTerms;
}

function algorithmOf(inputs: Values, property: string): string {
  return keyAlgorithm(parsePrivateKey(inputs[property] as string, property), property);
}

/** Whether the end of a certificate's validity, less `earlyRenewalHours`, has come. */
function isDue(state: Values, inputs: Values): boolean {
  if (typeof state.validityEndTime !== "string") {
    return false;
  }
  const early = typeof inputs.earlyRenewalHours === "number" ? inputs.earlyRenewalHours : 0;
  return Date.now() >= Date.parse(state.validityEndTime) - early * 3_600_000;
}

function pick(values: Values, names: string[]): Values {
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
