import type { Rule } from "./lib/rule";
import { budget } from "./rules/budget";
import { caRootsProtected } from "./rules/ca-roots-protected";
import { certificateLifetimes } from "./rules/certificate-lifetimes";
import { commandLinesClean } from "./rules/command-lines-clean";
import { defaultDrop } from "./rules/default-drop";
import { dnsOwner } from "./rules/dns-owner";
import { dynamicPortsInside } from "./rules/dynamic-ports-inside";
import { hostKeys } from "./rules/host-keys";
import { imagesPinned } from "./rules/images-pinned";
import { jobArtifactsPinned } from "./rules/job-artifacts-pinned";
import { jobLimits } from "./rules/job-limits";
import { jobNamespace } from "./rules/job-namespace";
import { jobUnprivileged } from "./rules/job-unprivileged";
import { keyStrength } from "./rules/key-strength";
import { machinesBehindFirewall } from "./rules/machines-behind-firewall";
import { namesValid } from "./rules/names-valid";
import { noClearSecrets } from "./rules/no-clear-secrets";
import { noOpenAdminPorts } from "./rules/no-open-admin-ports";
import { noPublicAddress } from "./rules/no-public-address";
import { noRootPassword } from "./rules/no-root-password";
import { petBackedUp } from "./rules/pet-backed-up";
import { petProtected } from "./rules/pet-protected";
import { regions } from "./rules/regions";
import { secretFields } from "./rules/secret-fields";
import { secretStdin } from "./rules/secret-stdin";
import { serversOdd } from "./rules/servers-odd";
import { serversSpread } from "./rules/servers-spread";
import { tlsVerified } from "./rules/tls-verified";
import { userDataClean } from "./rules/user-data-clean";

/** The pack: reach, shape, trust, secrets, what runs, and what it costs. */
export const rules: readonly Rule[] = [
  noOpenAdminPorts,
  dynamicPortsInside,
  defaultDrop,
  machinesBehindFirewall,
  noPublicAddress,
  serversOdd,
  serversSpread,
  petProtected,
  petBackedUp,
  caRootsProtected,
  certificateLifetimes,
  keyStrength,
  tlsVerified,
  hostKeys,
  secretFields,
  secretStdin,
  noClearSecrets,
  commandLinesClean,
  userDataClean,
  noRootPassword,
  imagesPinned,
  jobArtifactsPinned,
  jobUnprivileged,
  jobLimits,
  jobNamespace,
  namesValid,
  regions,
  dnsOwner,
  budget,
];
