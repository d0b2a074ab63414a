import type { CloudMachine, MachineRequest } from "../../../components/clouds/cloud";
import { OpenStackCloud, type OpenStackCloudArgs } from "../../../components/clouds/openstack";
import { type Asked, type Recording, recording } from "./recording";
import { openstackAnswers } from "./requests";

/** A campus' cloud, and what it is asked for. */

export const campus: OpenStackCloudArgs = {
  cluster: "campus",
  image: "hashistack-2026-11",
  size: "m1.medium",
  externalNetwork: "public",
  ipv4: "10.20.0.0/24",
  adminCidrs: ["203.0.113.0/24", "2001:DB8:7:0::/64"],
};
export const dualStack = { ...campus, ipv6: "2001:db8:20::/64", ipv6Routed: true };

export function made(
  args: OpenStackCloudArgs,
  ...requests: MachineRequest[]
): Promise<Recording<Record<string, CloudMachine>>> {
  return recording(() => {
    const cloud = new OpenStackCloud(args);
    return Object.fromEntries(requests.map((request) => [request.name, cloud.machine(request, {})]));
  }, openstackAnswers);
}

export function one({ resources }: Recording<unknown>, id: string): Asked {
  const found = resources.find((each) => each.id === id);
  if (!found) throw new Error(`no ${id} was asked for`);
  return found;
}
