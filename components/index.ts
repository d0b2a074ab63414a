/**
 * What the package offers to programs of others: a whole cluster, or its parts one by one.
 */

export { Acme, type AcmeArgs } from "./acme";
export type { ClusterAccess, ServiceAccess, SupportAccess } from "./bootstrap/access";
export type { Cloud, CloudMachine, FirstContact, MachineRequest, Opening } from "./clouds/cloud";
export { LinodeCloud, type LinodeCloudArgs } from "./clouds/linode";
export { LocalCloud, type LocalCloudArgs } from "./clouds/local";
export { OpenStackCloud, type OpenStackCloudArgs, type RootVolume } from "./clouds/openstack";
export { Cluster, type ClusterArgs } from "./cluster";
export type { AddressRecords, Dns, SlotAddress } from "./dns/dns";
export {
  type BalancerAddress,
  DomainAddress,
  type DomainAddressArgs,
  type DomainOwnership,
} from "./dns/domain-address";
export type { JobArtifact, JobSpec, JobVariables } from "./jobs/artifact";
export { NomadJob, type NomadJobArgs } from "./jobs/nomad-job";
export { ClusterMachine, type ClusterMachineArgs } from "./machine";
export { ServiceAuthority, type ServiceAuthorityArgs } from "./pki/authority";
export { applyPlan, type MachineApplyArgs } from "./provisioning/apply";
export type { MachinePlan, PlanFragment } from "./provisioning/plan";
export { ConsulClient, type ConsulClientArgs } from "./roles/consul-client";
export { ConsulServer, type ConsulServerArgs } from "./roles/consul-server";
export type { GivenCertificate, Leaf } from "./roles/leaf";
export { NomadClient, type NomadClientArgs } from "./roles/nomad-client";
export { NomadServer, type NomadServerArgs } from "./roles/nomad-server";
export { VaultServer, type VaultServerArgs } from "./roles/vault-server";
export { parseSettings, readSettings, type Settings, SettingsError } from "./settings";
export { Site, type SiteArgs } from "./site";
export { publish } from "./site-parts";
export { type PlanSummary, planText, summarise } from "./summary";
export { Support, type SupportArgs } from "./support";
export { VaultConfiguration, type VaultConfigurationArgs } from "./vault-configuration";
