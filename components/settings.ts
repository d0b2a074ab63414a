import { runtime } from "@pulumi/pulumi";
import type { Settings } from "./settings/model";
import { parseSettings, rawSettings } from "./settings/parse";

export type {
  AcmeCredential,
  AcmeSettings,
  AuthSettings,
  CloudSettings,
  DashboardSettings,
  DnsSettings,
  GroupSettings,
  IngressKind,
  LinodeCloudSettings,
  LocalCloudSettings,
  NetworkSettings,
  OpenStackCloudSettings,
  PriceSettings,
  RootVolumeSettings,
  Settings,
  SiteSettings,
  SshSettings,
  TimingSettings,
} from "./settings/model";
export { parseSettings } from "./settings/parse";
export { SettingsError, type SettingsProblem } from "./settings/problems";
export { supportedVersions } from "./settings/versions";

/**
 * The settings of the stack that runs: all keys of the namespace "hashistack". The only reader of configuration.
 * @throws SettingsError that lists everything wrong, unknown keys included
 */
export function readSettings(): Settings {
  return parseSettings(rawSettings(runtime.allConfig()));
}
