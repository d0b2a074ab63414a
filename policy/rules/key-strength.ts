import { numberOf } from "../lib/clouds";
import type { Rule } from "../lib/rule";

const key = "tls:index/privateKey:PrivateKey";
const pkiRole = "vault:pkiSecret/secretBackendRole:SecretBackendRole";
const curves = ["P256", "P384", "P521"];

export const keyStrength: Rule = {
  name: "key-strength",
  what: "Keys are Ed25519, ECDSA on P-256 or a larger curve, or RSA of 3072 bits and more.",
  why: "The providers' own defaults are RSA with 2048 bits and ECDSA on P-224, which are on their way out.",
  remediation: "Set algorithm ED25519, or ECDSA with ecdsaCurve P256, or RSA with rsaBits 3072.",
  severity: "high",
  level: "mandatory",
  types: [key, pkiRole],
  config: { rsaBitsMin: { type: "integer", default: 3072, description: "Least size of an RSA key." } },
  resource({ type, props }, { violation }, config) {
    const least = numberOf(config.rsaBitsMin) ?? 3072;
    if (type === pkiRole) {
      const kind = props.text("keyType") ?? "rsa";
      const bits = props.number("keyBits") || (kind === "rsa" ? 2048 : 256);
      if (kind === "rsa" && bits < least) violation(`keyBits of this role is ${bits}, less than ${least}`);
      if (kind === "ec" && bits < 256) violation(`keyBits of this role is ${bits}, less than 256`);
      if (kind === "any") violation("keyType of this role is any: whoever asks chooses the strength");
      return;
    }
    const algorithm = props.text("algorithm")?.toUpperCase();
    if (algorithm === "RSA") {
      const bits = props.number("rsaBits") ?? 2048;
      if (bits < least) violation(`rsaBits is ${bits}, less than ${least}`);
    } else if (algorithm === "ECDSA") {
      const curve = props.text("ecdsaCurve") ?? "P224";
      if (!curves.includes(curve)) violation(`ecdsaCurve is ${curve}`);
    } else if (algorithm !== "ED25519") violation(`algorithm is ${algorithm}`);
  },
};
