/** What is known of a stack's machines from its state: what they were made as, not what the settings say now. */
import { z } from "zod";
import type { DeployedMachine } from "../components/summary";
import { parseUrn } from "./events";
import { machinesIn, type StateResource } from "./replace";

/** The part of the stack's output `plan` that is no matter of a cloud. What an earlier version wrote may lack some. */
const planned = z.object({
  name: z.string(),
  roles: z.array(z.string()).optional(),
  nodeClass: z.string().optional(),
  publicAddress: z.enum(["reached", "egress", "none"]).optional(),
});
const stackOutputs = z.object({ plan: z.object({ machines: z.array(planned) }) });

const kept = z.object({ plan: z.object({ lasting: z.record(z.string(), z.string()) }) });

const linode = z.object({
  type: z.string().optional(),
  image: z.string().optional(),
  backupsEnabled: z.boolean().optional(),
});
const openstack = z.object({
  flavorName: z.string().optional(),
  imageId: z.string().optional(),
  blockDevices: z
    .array(z.object({ volumeSize: z.number().optional(), uuid: z.string().optional() }))
    .optional(),
});

/**
 * The machines that a state has. Pure.
 * @param resources of the state, or of the engine's export
 */
export function deployedIn(resources: readonly StateResource[]): DeployedMachine[] {
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
  const told = stackOutputs.safeParse(outputs);
  const plans = new Map((told.success ? told.data.plan.machines : []).map((one) => [one.name, one]));
  return machinesIn(resources).map(({ name, roles }) => {
    // A machine's roles, or none known, in a state made before the plan was an output.
    const known = plans.get(name) ?? { name, ...(roles.length > 0 ? { roles } : {}) };
    return { ...(known as DeployedMachine), ...madeAs(resources, name) };
  });
}

/**
 * The settings that a living cluster keeps, as it was made; none where nothing lives, or where an earlier version made it. Pure.
 * @param resources of the state, or of the engine's export
 */
export function lastingIn(resources: readonly StateResource[]): Readonly<Record<string, string>> {
  const told = kept.safeParse(resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs);
  return told.success && machinesIn(resources).length > 0 ? told.data.plan.lasting : {};
}

/** What a cloud was asked for when it was made; the settings may have another size by now. */
function madeAs(resources: readonly StateResource[], name: string): Partial<DeployedMachine> {
  for (const { urn, type, inputs, delete: leaving } of resources) {
    if (leaving || parseUrn(urn).name !== name) continue;
    if (type === "linode:index/instance:Instance") {
      const { data } = linode.safeParse(inputs);
      if (!data) return {};
      const { type: size, image, backupsEnabled: backups = false } = data;
      return { ...(size ? { size } : {}), ...(image ? { image } : {}), backups };
    }
    if (type === "openstack:compute/instance:Instance") {
      const { data } = openstack.safeParse(inputs);
      if (!data) return {};
      const { flavorName: size, blockDevices: [disk] = [] } = data;
      const image = data.imageId ?? disk?.uuid;
      return {
        ...(size ? { size } : {}),
        ...(image ? { image } : {}),
        volumeGb: disk?.volumeSize,
        backups: false,
      };
    }
  }
  return {};
}
