import type { Property, ResourceKind, Values } from "../common/kinds";
import type { StackScript } from "./api";
import type { LinodeClient } from "./client";
import { number, refreshed, refuseImport, texts, time, within } from "./fields";

/** `linode.StackScript` (stackscript/framework_resource_schema.go, stackscript/framework_resource.go). */
export function stackScriptKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/stackScript:StackScript";
  const text: Property = { type: "string", required: true };
  const inputs: Record<string, Property> = {
    label: text,
    script: text,
    description: text,
    images: { ...texts, required: true },
    revNote: { type: "string", default: "" },
    isPublic: { type: "boolean", default: false, forceNew: true },
  };
  const outputs = (one: StackScript): Values => ({
    created: time(one.created),
    updated: time(one.updated),
    deploymentsActive: one.deployments_active,
    deploymentsTotal: one.deployments_total,
    userGravatarId: one.user_gravatar_id,
    username: one.username,
    userDefinedFields: one.user_defined_fields.map((field) => ({
      name: field.name,
      label: field.label,
      example: field.example ?? "",
      default: field.default ?? "",
      oneOf: field.oneof ?? "",
      manyOf: field.manyof ?? "",
    })),
  });
  const body = ({ label, script, description, images, revNote }: Values): Values => ({
    label,
    script,
    description,
    images,
    rev_note: revNote,
  });
  return {
    token,
    inputs,
    outputs: {
      created: { stable: true },
      updated: {},
      deploymentsActive: {},
      deploymentsTotal: {},
      userGravatarId: { stable: true },
      username: { stable: true },
      userDefinedFields: {},
    },
    async create(values, call) {
      const made = await linode().ask(within(call), (api) =>
        api.createStackScript({ ...body(values), is_public: values.isPublic }),
      );
      return { id: String(made.id), outputs: outputs(made) };
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const one = await linode().find(within(call), (api) => api.getStackScript(number(id)));
      if (one === undefined) return undefined;
      const { label, script, description, images, is_public, rev_note } = one;
      const now = { label, script, description, images, isPublic: is_public, revNote: rev_note };
      return { id, inputs: refreshed(given, now), outputs: outputs(one) };
    },
    async update(id, _state, values, call) {
      return outputs(
        await linode().ask(within(call), (api) => api.updateStackScript(number(id), body(values))),
      );
    },
    async delete(id, _state, call) {
      await linode().find(within(call), (api) => api.deleteStackScript(number(id)));
    },
  };
}
