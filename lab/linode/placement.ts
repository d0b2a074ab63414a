import { regions } from "./catalog.js";
import { refuse } from "./errors.js";
import type { Instance, State } from "./state.js";

/** Puts an instance into a placement group. */
export function join(state: State, { view }: Pick<Instance, "view">, groupId: number): void {
  const group = state.groups.get(groupId) ?? refuse("Placement Group was not found.", "placement_group.id");
  if (group.region !== view.region)
    refuse(
      `The placement group is in ${group.region}, the instance in ${view.region}.`,
      "placement_group.id",
    );
  if (view.placement_group) refuse(`Linode ${view.label} is in a placement group already.`, "linodes");
  const limit =
    regions.find(({ id }) => id === group.region)?.placement_group_limits.maximum_linodes_per_pg ?? 5;
  if (group.members.length >= limit)
    refuse(`The placement group has ${limit} Linodes, and may not have more.`, "placement_group.id");
  group.members.push({ linode_id: view.id, is_compliant: true });
  view.placement_group = {
    id: group.id,
    label: group.label,
    placement_group_type: group.placement_group_type,
    placement_group_policy: group.placement_group_policy,
    migrating_to: null,
  };
}

/** Takes an instance out of its placement group, if it is in one. */
export function leave(state: State, { view }: Pick<Instance, "view">): void {
  for (const group of state.groups.values())
    group.members = group.members.filter(({ linode_id }) => linode_id !== view.id);
  view.placement_group = null;
}
