import { createPlacementGroupSchema, updatePlacementGroupSchema } from "@linode/validation";
import { regions } from "../catalog.js";
import { refuse } from "../errors.js";
import { note } from "../jobs.js";
import { list } from "../lists.js";
import { join, leave } from "../placement.js";
import type { Call, Route } from "../router.js";
import { assertFree, find, type Instance, nextId, textAt } from "../state.js";
import type { PlacementGroup } from "../types.js";
import { validate } from "../validate.js";

const groupOf = ({ state, params }: Call): PlacementGroup => find(state.groups, params.groupId);

const entity = ({ id, label }: PlacementGroup) => ({
  id,
  label,
  type: "placement_group",
  url: `/v4/placement/groups/${id}`,
});

function create({ state, body }: Call): PlacementGroup {
  validate(createPlacementGroupSchema, body);
  const region = regions.find(({ id }) => id === body.region) ?? refuse("region is not valid", "region");
  if (!region.capabilities.includes("Placement Group"))
    refuse("Placement groups are not available in this region.", "region");
  const [type, policy] = [textAt(body, "placement_group_type"), textAt(body, "placement_group_policy")];
  if (type !== "anti_affinity:local" && type !== "affinity:local")
    return refuse("Must be anti_affinity:local or affinity:local.", "placement_group_type");
  if (policy !== "strict" && policy !== "flexible")
    return refuse("Must be strict or flexible.", "placement_group_policy");
  const label = textAt(body, "label") ?? "";
  assertFree(
    [...state.groups.values()].map((other) => other.label),
    label,
  );
  const group: PlacementGroup = {
    id: nextId(),
    label,
    region: region.id,
    placement_group_type: type,
    placement_group_policy: policy,
    is_compliant: true,
    members: [],
    migrations: null,
  };
  state.groups.set(group.id, group);
  note(state, "placement_group_create", entity(group));
  return group;
}

function update(call: Call): PlacementGroup {
  const group = groupOf(call);
  validate(updatePlacementGroupSchema, call.body);
  const label = textAt(call.body, "label");
  const others = [...call.state.groups.values()].filter((other) => other !== group);
  if (label !== undefined) {
    assertFree(
      others.map((other) => other.label),
      label,
    );
    group.label = label;
  }
  note(call.state, "placement_group_update", entity(group));
  return group;
}

function remove(call: Call): object {
  const group = groupOf(call);
  if (group.members.length > 0)
    refuse("Cannot delete a placement group that has Linodes: unassign them first.");
  call.state.groups.delete(group.id);
  note(call.state, "placement_group_delete", entity(group));
  return {};
}

function membersOf({ state, body }: Call): Instance[] {
  if (!Array.isArray(body.linodes) || body.linodes.length === 0)
    return refuse("Linodes are required.", "linodes");
  return body.linodes.map((id) => state.instances.get(id) ?? refuse("Linode was not found.", "linodes"));
}

function assign(call: Call): PlacementGroup {
  const group = groupOf(call);
  for (const instance of membersOf(call)) join(call.state, instance, group.id);
  note(call.state, "placement_group_assign", entity(group));
  return group;
}

function unassign(call: Call): PlacementGroup {
  const group = groupOf(call);
  for (const instance of membersOf(call)) {
    if (instance.view.placement_group?.id !== group.id)
      refuse("Linode is not in this placement group.", "linodes");
    leave(call.state, instance);
  }
  note(call.state, "placement_group_unassign", entity(group));
  return group;
}

const base = "/placement/groups";

export const placementRoutes: readonly Route[] = [
  { method: "GET", path: base, answer: ({ state, listing }) => list([...state.groups.values()], listing) },
  { method: "POST", path: base, answer: create },
  { method: "GET", path: `${base}/:groupId`, answer: groupOf },
  { method: "PUT", path: `${base}/:groupId`, answer: update },
  { method: "DELETE", path: `${base}/:groupId`, answer: remove },
  { method: "POST", path: `${base}/:groupId/assign`, answer: assign },
  { method: "POST", path: `${base}/:groupId/unassign`, answer: unassign },
];
