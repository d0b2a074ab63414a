import type { ResourceKind } from "../common/kinds";
import type { LinodeClient } from "./client";
import { domainRecordKind } from "./domain";
import { firewallKind } from "./firewall";
import { instanceKind } from "./instance";
import { placementGroupKind } from "./placement-group";
import { stackScriptKind } from "./stack-script";
import { subnetKind, vpcKind } from "./vpc";

/** Every kind of resource; `linode` gives the client, or throws while the configuration is unknown. */
export function resourceKinds(linode: () => LinodeClient): ResourceKind[] {
  return [
    vpcKind(linode),
    subnetKind(linode),
    firewallKind(linode),
    placementGroupKind(linode),
    instanceKind(linode),
    domainRecordKind(linode),
    stackScriptKind(linode),
  ];
}
