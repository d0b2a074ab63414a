import type { ResourceKind } from "../common/kinds";
import { appRoleKind } from "./approle";
import type { VaultClient } from "./client";
import { jwtAuthBackendKind, jwtRoleKind } from "./jwt";
import { mountKinds } from "./mounts";
import { policyKind } from "./policy";
import { secretKind, secretV2Kind } from "./secret";

/** Every kind of resource; `vault` gives the client, or throws while the configuration is unknown. */
export function resourceKinds(vault: () => VaultClient): ResourceKind[] {
  return [
    ...mountKinds(vault),
    policyKind(vault),
    secretKind(vault),
    secretV2Kind(vault),
    jwtAuthBackendKind(vault),
    jwtRoleKind(vault),
    appRoleKind(vault),
  ];
}
