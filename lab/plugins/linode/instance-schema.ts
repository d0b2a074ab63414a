import type { CheckFailure, Property, Values } from "../common/kinds";
import { isUnknown } from "../common/values";
import { length, oneOf, tags, texts, unimplemented } from "./fields";

/** The inputs of `linode.Instance` (instance/schema_resource.go), and what goes with what. */

const text: Property = { type: "string" };
const whole: Property = { type: "integer" };
const flag: Property = { type: "boolean" };

const explicit =
  "this stand-in makes an instance from an image alone, with the disks and the config of Linode's choice";

/** instance/schema_resource.go: InterfaceSchema. The computed fields are of no use as inputs. */
const interfaceFields: Record<string, Property> = {
  purpose: { ...text, required: true, validate: oneOf("public", "vpc", "vlan") },
  ipamAddress: text,
  label: text,
  subnetId: whole,
  primary: flag,
  ipRanges: texts,
  ipv4: { type: "object", fields: { vpc: text, nat11: text } },
  id: unimplemented("the provider computes it"),
  vpcId: unimplemented("the provider computes it"),
  active: unimplemented("the provider computes it"),
};

/** instance/schema_resource.go: resourcePlacementGroup. */
const placementGroupFields: Record<string, Property> = {
  id: { ...whole, required: true },
  compliantOnly: flag,
  label: unimplemented("the provider computes it"),
  placementGroupType: unimplemented("the provider computes it"),
  placementGroupPolicy: unimplemented("set it at the placement group"),
};

export const instanceInputs: Record<string, Property> = {
  label: { ...text, validate: length(3, 50), computed: true },
  region: { ...text, required: true },
  type: { ...text, default: "g6-standard-1" },
  image: { ...text, forceNew: true },
  tags,
  interfaces: { type: "list", of: { type: "object", fields: interfaceFields } },
  // userData is base64. It is not marked secret there; the program marks what is.
  metadatas: { type: "list", of: { type: "object", fields: { userData: text } }, forceNew: true },
  placementGroup: { type: "object", fields: placementGroupFields },
  firewallId: { ...whole, forceNew: true },
  authorizedKeys: { ...texts, forceNew: true },
  authorizedUsers: { ...texts, forceNew: true },
  stackscriptId: { ...whole, forceNew: true },
  stackscriptData: { type: "map", of: text, secret: true, forceNew: true },
  booted: { ...flag, computed: true },
  backupsEnabled: { ...flag, computed: true },
  watchdogEnabled: { ...flag, default: true },
  privateIp: flag,
  swapSize: { ...whole, computed: true },
  diskEncryption: {
    ...text,
    forceNew: true,
    validate: oneOf("enabled", "disabled"),
    computed: true,
  },
  // What these two govern is refused in any case.
  migrationType: { ...text, default: "cold", validate: oneOf("cold", "warm") },
  resizeDisk: { ...flag, default: false },
  rootPass: unimplemented("a random one is made and forgotten, as the official plugin does without it"),
  alerts: unimplemented(),
  backupId: unimplemented(),
  bootConfigLabel: unimplemented(explicit),
  configs: unimplemented(explicit),
  disks: unimplemented(explicit),
  group: unimplemented("Linode has deprecated it: use tags"),
  ipv4s: unimplemented("reserved addresses are Linode's own staff's"),
  placementGroupExternallyManaged: unimplemented(),
  sharedIpv4s: unimplemented(),
};

/** What only makes sense with an image (RequiredWith), and a boot without anything to boot (validateBooted). */
const needImage = [
  "stackscriptId",
  "stackscriptData",
  "authorizedKeys",
  "authorizedUsers",
  "swapSize",
  "interfaces",
];

/** What is wrong with inputs that are right each by itself. */
export function checkInstance(inputs: Values): CheckFailure[] {
  const failures: CheckFailure[] = [];
  if (inputs.image === undefined) {
    for (const property of needImage.filter((name) => inputs[name] !== undefined)) {
      failures.push({ property, reason: `linode:index/instance:Instance: ${property} needs image` });
    }
    if (inputs.booted === true && !isUnknown(inputs.booted)) {
      failures.push({ property: "booted", reason: "linode:index/instance:Instance: booted needs image" });
    }
  }
  return failures;
}

/** Changes that the official provider makes in place, with the instance off for minutes, and the stand-in does not. */
export const refusedInPlace: Record<string, string> = {
  region: "migrate",
  type: "resize",
  interfaces: "change the interfaces of",
  privateIp: "add a private address to",
  swapSize: "resize the disks of",
};
