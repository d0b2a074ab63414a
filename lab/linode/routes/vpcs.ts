import {
  createSubnetSchemaIPv4,
  createVPCSchema,
  modifySubnetSchema,
  updateVPCSchema,
} from "@linode/validation";
import ipaddr from "ipaddr.js";
import { regions } from "../catalog.js";
import { notFound, refuse } from "../errors.js";
import { note } from "../jobs.js";
import { list } from "../lists.js";
import { vpcInterfaces } from "../parts.js";
import type { Call, Route } from "../router.js";
import { assertFree, find, nextId, now, type State, textAt } from "../state.js";
import type { Subnet, VPC } from "../types.js";
import { validate } from "../validate.js";
import { vpcAddresses } from "./parts.js";

/** What a subnet's range may lie in (RFC 1918), and what is Linode's own: techdocs, post-vpc-subnet. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
const ownRange = "192.168.128.0/17";

const vpcOf = ({ state, params }: Call): VPC => find(state.vpcs, params.vpcId);

function subnetOf(call: Call): Subnet {
  const subnet = vpcOf(call).subnets.find(({ id }) => String(id) === call.params.subnetId);
  if (!subnet) throw notFound();
  return subnet;
}

/** A subnet with who is in it now. */
const showSubnet = (state: State, subnet: Subnet): Subnet => {
  const byLinode = new Map<number, Subnet["linodes"][number]>();
  for (const { linodeId, configId, interfaceId } of vpcInterfaces(state, subnet.id)) {
    const entry = byLinode.get(linodeId) ?? { id: linodeId, interfaces: [] };
    entry.interfaces.push({ id: interfaceId, active: true, config_id: configId });
    byLinode.set(linodeId, entry);
  }
  return { ...subnet, linodes: [...byLinode.values()] };
};

const show = (state: State, vpc: VPC): VPC => ({
  ...vpc,
  subnets: vpc.subnets.map((subnet) => showSubnet(state, subnet)),
});

function newSubnet(vpc: Pick<VPC, "subnets">, body: Record<string, unknown>, path: string): Subnet {
  const range = textAt(body, "ipv4") ?? "";
  const at = `${path}ipv4`;
  const [prefix, length] = ipaddr.parseCIDR(range);
  if (ipaddr.IPv4.networkAddressFromCIDR(range).toString() !== prefix.toString())
    refuse("The range must be in canonical form: no bits behind its prefix.", at);
  if (length > 29) refuse("The prefix must be at most 29 bits long.", at);
  if (!privateRanges.some((one) => inside(range, one))) refuse("The range must be private (RFC 1918).", at);
  if (overlap(range, ownRange)) refuse(`The range must not overlap ${ownRange}.`, at);
  const clash = vpc.subnets.find(({ ipv4 }) => overlap(range, ipv4 ?? ""));
  if (clash) refuse(`The range overlaps the subnet ${clash.label}.`, at);
  const label = textAt(body, "label") ?? "";
  if (vpc.subnets.some((other) => other.label === label))
    refuse("Label must be unique among the VPC's subnets.", `${path}label`);
  const time = now();
  return { id: nextId(), label, ipv4: range, linodes: [], nodebalancers: [], created: time, updated: time };
}

function inside(range: string, of: string): boolean {
  const [[prefix, length], outer] = [ipaddr.parseCIDR(range), ipaddr.parseCIDR(of)];
  return length >= outer[1] && prefix.match(outer);
}

function overlap(one: string, other: string): boolean {
  const [[a, aLength], [b, bLength]] = [ipaddr.parseCIDR(one), ipaddr.parseCIDR(other)];
  return a.match(b, Math.min(aLength, bLength));
}

function create({ state, body }: Call): VPC {
  validate(createVPCSchema, body);
  const region = regions.find(({ id }) => id === body.region) ?? refuse("region is not valid", "region");
  if (!region.capabilities.includes("VPCs")) refuse("VPCs are not available in this region.", "region");
  if (body.ipv6) refuse("The emulated account has no dual-stack VPCs.", "ipv6");
  const label = textAt(body, "label") ?? "";
  assertFree(
    [...state.vpcs.values()].map((other) => other.label),
    label,
  );
  const time = now();
  const vpc: VPC = {
    id: nextId(),
    label,
    description: textAt(body, "description") ?? "",
    region: region.id,
    subnets: [],
    created: time,
    updated: time,
  };
  const wanted = (Array.isArray(body.subnets) ? body.subnets : []) as Record<string, unknown>[];
  for (const [index, subnet] of wanted.entries())
    vpc.subnets.push(newSubnet(vpc, subnet, `subnets[${index}].`));
  state.vpcs.set(vpc.id, vpc);
  note(state, "vpc_create", { id: vpc.id, label, type: "vpc", url: `/v4/vpcs/${vpc.id}` });
  return show(state, vpc);
}

function update(call: Call): VPC {
  const vpc = vpcOf(call);
  validate(updateVPCSchema, call.body);
  const [label, description] = [textAt(call.body, "label"), textAt(call.body, "description")];
  const others = [...call.state.vpcs.values()].filter((other) => other !== vpc);
  if (label !== undefined) {
    assertFree(
      others.map((other) => other.label),
      label,
    );
    vpc.label = label;
  }
  if (description !== undefined) vpc.description = description;
  vpc.updated = now();
  return show(call.state, vpc);
}

/** Subnets go with the VPC, but not with an instance in one: techdocs, delete-vpc. */
function remove(call: Call): object {
  const vpc = vpcOf(call);
  for (const subnet of vpc.subnets) assertEmpty(call.state, subnet);
  call.state.vpcs.delete(vpc.id);
  note(call.state, "vpc_delete", { id: vpc.id, label: vpc.label, type: "vpc", url: `/v4/vpcs/${vpc.id}` });
  return {};
}

function assertEmpty(state: State, subnet: Subnet): void {
  const holders = vpcInterfaces(state, subnet.id);
  if (holders.length > 0)
    refuse(`Cannot delete a subnet with Linodes in it: ${subnet.label} has ${holders.length}.`);
}

function createSubnet(call: Call): Subnet {
  const vpc = vpcOf(call);
  if (call.body.ipv6) refuse("The emulated account has no dual-stack VPCs.", "ipv6");
  validate(createSubnetSchemaIPv4, call.body);
  const subnet = newSubnet(vpc, call.body, "");
  vpc.subnets.push(subnet);
  return showSubnet(call.state, subnet);
}

function updateSubnet(call: Call): Subnet {
  const subnet = subnetOf(call);
  validate(modifySubnetSchema, call.body);
  subnet.label = textAt(call.body, "label") ?? subnet.label;
  subnet.updated = now();
  return showSubnet(call.state, subnet);
}

function removeSubnet(call: Call): object {
  const [vpc, subnet] = [vpcOf(call), subnetOf(call)];
  assertEmpty(call.state, subnet);
  vpc.subnets = vpc.subnets.filter((other) => other !== subnet);
  return {};
}

const base = "/vpcs/:vpcId";

export const vpcRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/vpcs",
    answer: ({ state, listing }) =>
      list(
        [...state.vpcs.values()].map((vpc) => show(state, vpc)),
        listing,
      ),
  },
  { method: "POST", path: "/vpcs", answer: create },
  { method: "GET", path: "/vpcs/ips", answer: ({ state, listing }) => list(vpcAddresses(state), listing) },
  { method: "GET", path: base, answer: (call) => show(call.state, vpcOf(call)) },
  { method: "PUT", path: base, answer: update },
  { method: "DELETE", path: base, answer: remove },
  {
    method: "GET",
    path: `${base}/ips`,
    answer: (call) =>
      list(
        vpcAddresses(call.state).filter(({ vpc_id }) => vpc_id === vpcOf(call).id),
        call.listing,
      ),
  },
  {
    method: "GET",
    path: `${base}/subnets`,
    answer: (call) =>
      list(
        vpcOf(call).subnets.map((subnet) => showSubnet(call.state, subnet)),
        call.listing,
      ),
  },
  { method: "POST", path: `${base}/subnets`, answer: createSubnet },
  {
    method: "GET",
    path: `${base}/subnets/:subnetId`,
    answer: (call) => showSubnet(call.state, subnetOf(call)),
  },
  { method: "PUT", path: `${base}/subnets/:subnetId`, answer: updateSubnet },
  { method: "DELETE", path: `${base}/subnets/:subnetId`, answer: removeSubnet },
];
