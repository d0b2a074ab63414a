import * as pulumi from "@pulumi/pulumi";
import { renderUnsealer } from "./bootstrap/unsealer";
import { renderSigner } from "./pki/signer";
import { applyPlan } from "./provisioning/apply";
import { leafCertificate } from "./roles/leaf";
import { renderSupport } from "./roles/support";
import type { Settings } from "./settings";
import { baseFragment, leafOf, type Slot } from "./slot";
import { memberAddress, membersWith, nodeName } from "./topology/members";
import { type Member, type Role, services, type Topology } from "./topology/model";
import { supportServerName } from "./topology/names";
import type { Trust } from "./trust";

/** What support's plan is made of besides itself. */
export interface SupportContext {
  readonly settings: Settings;
  readonly topology: Topology;
  readonly trust: Trust;
  readonly fixed: pulumi.Output<readonly Member[]>;
}

/** Makes support what it is: signer, artifact store, way to the APIs, unsealer. */
export function applySupport(
  slot: Slot,
  context: SupportContext,
  opts: pulumi.CustomResourceOptions,
): ReturnType<typeof applyPlan> {
  const { topology, trust, fixed, settings } = context;
  const addresses = (role: Role, members: readonly Member[]) =>
    membersWith(role, members).map((member) => memberAddress(member, topology));

  const leaf = leafOf(slot, "support", topology, trust);
  const issuing = pulumi.all(
    Object.fromEntries(
      services.map((service) => [
        service,
        { issuingPem: trust[service].issuingPem, issuingKeyPem: trust[service].issuingKeyPem },
      ]),
    ),
  );
  const signer = pulumi.all([leaf, issuing]).apply(([own, authorities]) =>
    renderSigner({
      version: topology.versions.cfssl,
      authorities,
      certificate: leafCertificate("support", own, "root", "nginx.service"),
    }),
  );
  const offers = pulumi.all([fixed, leaf]).apply(([members, own]) =>
    renderSupport({
      consulServers: addresses("consul-server", members),
      vaultServers: addresses("vault-server", members),
      nomadServers: addresses("nomad-server", members),
      leaf: own,
    }),
  );
  const unsealer = pulumi.all([slot.member, fixed, leaf, trust.seed]).apply(([self, members, own, seed]) =>
    renderUnsealer({
      version: topology.versions.vault,
      address: memberAddress(self, topology),
      serverName: supportServerName(topology),
      certificate: leafCertificate("support", own, "root", "nginx.service"),
      seed,
      servers: membersWith("vault-server", members).map(nodeName),
    }),
  );
  return applyPlan(
    slot.spec.name,
    {
      machine: slot.spec.name,
      hostname: slot.machine.cloudName,
      connection: slot.machine.connection,
      // Support signs for itself with the keys it keeps for the signer.
      signer: trust.support.rootPem.apply((caPem) => ({ serverName: supportServerName(topology), caPem })),
      fragments: {
        machine: baseFragment(slot, fixed, topology, settings.ssh.user, trust.rolloutPublicKey),
        signer: pulumi.secret(signer),
        unsealer: pulumi.secret(unsealer),
        support: pulumi.secret(offers),
      },
    },
    { parent: slot.machine, ...opts, deletedWith: slot.machine.resource },
  );
}
