import { createHash } from "node:crypto";
import {
  CreateFirewallSchema,
  FirewallDeviceSchema,
  FirewallRuleSchema,
  UpdateFirewallSchema,
} from "@linode/validation";
import { notFound, refuse } from "../errors.js";
import { applyFilters, attach } from "../filters.js";
import { note } from "../jobs.js";
import { list } from "../lists.js";
import type { Call, Route } from "../router.js";
import { assertFree, find, nextId, now, readTags, textAt } from "../state.js";
import type { Firewall, FirewallDevice, FirewallRules } from "../types.js";
import { validate } from "../validate.js";

/** https://techdocs.akamai.com/linode-api/reference/post-firewalls and put-firewall-rules */
const ruleLimit = 25;
const addressLimit = 255;
const portLimit = 15;

const firewallOf = ({ state, params }: Call): { view: Firewall; devices: FirewallDevice[] } =>
  find(state.firewalls, params.firewallId);

const entity = ({ id, label }: Firewall) => ({
  id,
  label,
  type: "firewall",
  url: `/v4/networking/firewalls/${id}`,
});

function labelOf(call: Call, label: string, own?: Firewall): string {
  if (
    !/^[a-zA-Z][a-zA-Z0-9-_.]*$/.test(label) ||
    /[-_.]{2}/.test(label) ||
    label.length < 3 ||
    label.length > 32
  ) {
    refuse("Label must be 3 to 32 letters, digits and single -_., beginning with a letter.", "label");
  }
  const others = [...call.state.firewalls.values()].filter(({ view }) => view !== own);
  assertFree(
    others.map(({ view }) => view.label),
    label,
  );
  return label;
}

/** The rules of a body, with what Linode refuses beyond its schema, and with version and fingerprint. */
function readRules(body: unknown, version: number, path: "" | "rules."): FirewallRules {
  // "rules" is required; without it the schema would fill in nothing and pass.
  if (typeof body !== "object" || body === null) return refuse("Rules are required.", "rules");
  validate(FirewallRuleSchema, body);
  const { inbound, outbound, inbound_policy, outbound_policy } = body as FirewallRules;
  const sides = { inbound: inbound ?? [], outbound: outbound ?? [] };
  if (sides.inbound.length + sides.outbound.length > ruleLimit)
    refuse(`A firewall may have at most ${ruleLimit} rules in all.`, "rules");
  for (const [side, rules] of Object.entries(sides)) {
    for (const [index, rule] of rules.entries()) {
      const at = `${path}${side}[${index}]`;
      const label = rule.label ?? "";
      if (label !== "" && (label.length < 3 || label.length > 32))
        refuse("Label must be between 3 and 32 characters.", `${at}.label`);
      const [ipv4, ipv6] = [rule.addresses?.ipv4 ?? [], rule.addresses?.ipv6 ?? []];
      if (ipv4.length + ipv6.length === 0) refuse("At least one address is required.", `${at}.addresses`);
      if (ipv4.length + ipv6.length > addressLimit)
        refuse(`A rule may have at most ${addressLimit} addresses.`, `${at}.addresses`);
      const wrong =
        ipv4.find((address) => address.includes(":")) ?? ipv6.find((address) => !address.includes(":"));
      if (wrong) refuse(`"${wrong}" is of the other family.`, `${at}.addresses`);
      if ((rule.ports ?? "").split(",").flatMap((part) => part.split("-")).length > portLimit)
        refuse(`A rule may have at most ${portLimit} ports, a range counting as two.`, `${at}.ports`);
    }
  }
  const rules = { ...sides, inbound_policy, outbound_policy };
  const fingerprint = createHash("sha256").update(JSON.stringify(rules)).digest("hex").slice(0, 8);
  return { ...rules, version, fingerprint };
}

async function create(call: Call): Promise<Firewall> {
  const { state, body } = call;
  validate(CreateFirewallSchema, body);
  const devices = (body.devices ?? {}) as { linodes?: number[] };
  const view: Firewall = {
    id: nextId(),
    label: labelOf(call, textAt(body, "label") ?? ""),
    status: "enabled",
    tags: readTags(body.tags),
    created: now(),
    updated: now(),
    rules: readRules(body.rules, 1, "rules."),
    entities: [],
  };
  state.firewalls.set(view.id, { view, devices: [] });
  note(state, "firewall_create", entity(view));
  try {
    for (const id of devices.linodes ?? []) attach(state, view.id, id, "devices.linodes");
  } catch (error) {
    state.firewalls.delete(view.id);
    throw error;
  }
  await applyFilters(call);
  return view;
}

async function update(call: Call): Promise<Firewall> {
  const { view } = firewallOf(call);
  validate(UpdateFirewallSchema, call.body);
  const { tags, status } = call.body;
  const label = textAt(call.body, "label");
  if (label !== undefined) view.label = labelOf(call, label, view);
  if (Array.isArray(tags)) view.tags = readTags(tags);
  if (status === "enabled" || status === "disabled") view.status = status;
  view.updated = now();
  note(call.state, "firewall_update", entity(view));
  await applyFilters(call);
  return view;
}

async function remove(call: Call): Promise<object> {
  const { view } = firewallOf(call);
  call.state.firewalls.delete(view.id);
  note(call.state, "firewall_delete", entity(view));
  await applyFilters(call);
  return {};
}

async function setRules(call: Call): Promise<FirewallRules> {
  const { view } = firewallOf(call);
  view.rules = readRules(call.body, view.rules.version + 1, "");
  view.updated = now();
  note(call.state, "firewall_rules_update", entity(view));
  await applyFilters(call);
  return view.rules;
}

async function addDevice(call: Call): Promise<FirewallDevice> {
  const { view } = firewallOf(call);
  validate(FirewallDeviceSchema, call.body);
  const { id, type } = call.body as { id: number; type: string };
  if (type !== "linode") refuse("The emulated account has Linodes only.", "type");
  const device = attach(call.state, view.id, id, "id");
  await applyFilters(call);
  return device;
}

function deviceOf(call: Call): FirewallDevice {
  const device = firewallOf(call).devices.find(({ id }) => String(id) === call.params.deviceId);
  if (!device) throw notFound();
  return device;
}

async function removeDevice(call: Call): Promise<object> {
  const { view, devices } = firewallOf(call);
  devices.splice(devices.indexOf(deviceOf(call)), 1);
  view.entities = devices.map((device) => device.entity);
  note(call.state, "firewall_device_remove", entity(view));
  await applyFilters(call);
  return {};
}

const base = "/networking/firewalls";

export const firewallRoutes: readonly Route[] = [
  {
    method: "GET",
    path: base,
    answer: ({ state, listing }) =>
      list(
        [...state.firewalls.values()].map(({ view }) => view),
        listing,
      ),
  },
  { method: "POST", path: base, answer: create },
  { method: "GET", path: `${base}/:firewallId`, answer: (call) => firewallOf(call).view },
  { method: "PUT", path: `${base}/:firewallId`, answer: update },
  { method: "DELETE", path: `${base}/:firewallId`, answer: remove },
  { method: "GET", path: `${base}/:firewallId/rules`, answer: (call) => firewallOf(call).view.rules },
  { method: "PUT", path: `${base}/:firewallId/rules`, answer: setRules },
  {
    method: "GET",
    path: `${base}/:firewallId/devices`,
    answer: (call) => list(firewallOf(call).devices, call.listing),
  },
  { method: "POST", path: `${base}/:firewallId/devices`, answer: addDevice },
  { method: "GET", path: `${base}/:firewallId/devices/:deviceId`, answer: deviceOf },
  { method: "DELETE", path: `${base}/:firewallId/devices/:deviceId`, answer: removeDevice },
];
