import type { Property, ResourceKind, Values } from "../common/kinds";
import type { Subnet, Vpc } from "./api";
import type { LinodeClient } from "./client";
import { number, refreshed, refuseImport, time, within, withoutEmpty } from "./fields";

/** `linode.Vpc` (vpc/framework_schema_resource.go, vpc/framework_resource.go). */
export function vpcKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/vpc:Vpc";
  const inputs: Record<string, Property> = {
    label: { type: "string", required: true },
    region: { type: "string", required: true, forceNew: true },
    description: { type: "string", computed: true },
  };
  const outputs = ({ description, created, updated }: Vpc): Values => ({
    description,
    created: time(created),
    updated: time(updated),
  });
  return {
    token,
    inputs,
    outputs: { created: { stable: true }, updated: {} },
    async create(values, call) {
      const { label, region, description } = values;
      const body = { label, region, ...withoutEmpty({ description }) };
      const made = await linode().ask(within(call), (api) => api.createVPC(body));
      return { id: String(made.id), outputs: outputs(made) };
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const vpc = await linode().find(within(call), (api) => api.getVPC(number(id)));
      if (vpc === undefined) return undefined;
      const { label, region, description } = vpc;
      return { id, inputs: refreshed(given, { label, region, description }), outputs: outputs(vpc) };
    },
    async update(id, state, values, call) {
      const body = withoutEmpty({
        label: values.label === state.label ? undefined : values.label,
        description: values.description === state.description ? undefined : values.description,
      });
      const { updated, description } = state;
      if (Object.keys(body).length === 0) return { created: state.created, updated, description };
      return outputs(await linode().ask(within(call), (api) => api.updateVPC(number(id), body)));
    },
    async delete(id, _state, call) {
      await linode().find(within(call), (api) => api.deleteVPC(number(id)));
    },
  };
}

/** `linode.VpcSubnet` (vpcsubnet/framework_schema_resource.go, vpcsubnet/framework_resource.go). */
export function subnetKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/vpcSubnet:VpcSubnet";
  const inputs: Record<string, Property> = {
    vpcId: { type: "integer", required: true, forceNew: true },
    label: { type: "string", required: true },
    ipv4: { type: "string", required: true, forceNew: true },
  };
  const outputs = ({ linodes, created, updated }: Subnet): Values => ({
    linodes: linodes.map(({ id, interfaces }) => ({
      id,
      interfaces: interfaces.map(({ id: one, active }) => ({ id: one, active })),
    })),
    created: time(created),
    updated: time(updated),
  });
  const vpcOf = ({ vpcId }: Values) => Number(vpcId);
  return {
    token,
    inputs,
    outputs: { created: { stable: true }, updated: {}, linodes: { stable: true } },
    async create(values, call) {
      const { label, ipv4 } = values;
      const made = await linode().ask(within(call), (api) =>
        api.createSubnet(vpcOf(values), { label, ipv4 }),
      );
      return { id: String(made.id), outputs: outputs(made) };
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const subnet = await linode().find(within(call), (api) => api.getSubnet(vpcOf(state), number(id)));
      if (subnet === undefined) return undefined;
      const { label, ipv4 } = subnet;
      return { id, inputs: refreshed(given, { label, ipv4 }), outputs: outputs(subnet) };
    },
    async update(id, state, { label }, call) {
      return outputs(
        await linode().ask(within(call), (api) => api.modifySubnet(vpcOf(state), number(id), { label })),
      );
    },
    async delete(id, state, call) {
      await linode().find(within(call), (api) => api.deleteSubnet(vpcOf(state), number(id)));
    },
  };
}
