import type { Property, ResourceKind, Values } from "../common/kinds";
import type { PlacementGroup } from "./api";
import type { LinodeClient } from "./client";
import { number, oneOf, refreshed, refuseImport, within } from "./fields";

/** `linode.PlacementGroup` (placementgroup/framework_schema_resource.go, placementgroup/framework_resource.go). */
export function placementGroupKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/placementGroup:PlacementGroup";
  const inputs: Record<string, Property> = {
    label: { type: "string", required: true },
    region: { type: "string", required: true, forceNew: true },
    placementGroupType: { type: "string", required: true, forceNew: true },
    placementGroupPolicy: { type: "string", default: "strict", validate: oneOf("strict", "flexible") },
  };
  const outputs = ({ is_compliant, members }: PlacementGroup): Values => ({
    isCompliant: is_compliant,
    members: members.map((one) => ({ linodeId: one.linode_id, isCompliant: one.is_compliant })),
  });
  return {
    token,
    inputs,
    outputs: { isCompliant: {}, members: {} },
    async create(values, call) {
      const body = {
        label: values.label,
        region: values.region,
        placement_group_type: values.placementGroupType,
        placement_group_policy: values.placementGroupPolicy,
      };
      const made = await linode().ask(within(call), (api) => api.createPlacementGroup(body));
      return { id: String(made.id), outputs: outputs(made) };
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const group = await linode().find(within(call), (api) => api.getPlacementGroup(number(id)));
      if (group === undefined) return undefined;
      const now = {
        label: group.label,
        region: group.region,
        placementGroupType: group.placement_group_type,
        placementGroupPolicy: group.placement_group_policy,
      };
      return { id, inputs: refreshed(given, now), outputs: outputs(group) };
    },
    async update(id, state, { label, placementGroupPolicy }, call) {
      // Linode has no way to do it; the official provider says nothing and shows the difference at every refresh.
      if (placementGroupPolicy !== state.placementGroupPolicy) {
        throw new Error(
          `placement group ${id}: Linode cannot change placementGroupPolicy, put it in replaceOnChanges`,
        );
      }
      return outputs(
        await linode().ask(within(call), (api) => api.updatePlacementGroup(number(id), { label })),
      );
    },
    async delete(id, _state, call) {
      await linode().find(within(call), (api) => api.deletePlacementGroup(number(id)));
    },
  };
}
