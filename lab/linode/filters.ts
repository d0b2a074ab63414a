import { refuse } from "./errors.js";
import { note } from "./jobs.js";
import type { FilterRule, MachineFilter, RuleSet } from "./machines.js";
import type { Call } from "./router.js";
import { nextId, now, type State } from "./state.js";
import type { FirewallDevice, FirewallRule, FirewallRules } from "./types.js";

/** Which firewall filters whom. */

/** Puts an instance behind a firewall; an instance may be behind one that is enabled only. */
export function attach(state: State, firewallId: number, linodeId: number, field: string): FirewallDevice {
  const firewall = state.firewalls.get(firewallId) ?? refuse("Firewall was not found.", field);
  const instance = state.instances.get(linodeId) ?? refuse("Linode was not found.", field);
  for (const { view, devices } of state.firewalls.values()) {
    if (view.status !== "enabled" || !devices.some(({ entity }) => entity.id === linodeId)) continue;
    refuse(`Linode ${instance.view.label} is already assigned to the firewall ${view.label}.`, field);
  }
  const device: FirewallDevice = {
    id: nextId(),
    created: now(),
    updated: now(),
    entity: {
      id: linodeId,
      type: "linode",
      label: instance.view.label,
      url: `/v4/linode/instances/${linodeId}`,
      parent_entity: null,
    },
  };
  firewall.devices.push(device);
  firewall.view.entities = firewall.devices.map(({ entity }) => entity);
  note(state, "firewall_device_add", {
    id: firewallId,
    label: firewall.view.label,
    type: "firewall",
    url: `/v4/networking/firewalls/${firewallId}`,
  });
  return device;
}

/** Takes an instance from behind every firewall. */
export function detach(state: State, linodeId: number): void {
  for (const { view, devices } of state.firewalls.values()) {
    const kept = devices.filter(({ entity }) => entity.id !== linodeId);
    if (kept.length === devices.length) continue;
    devices.splice(0, devices.length, ...kept);
    view.entities = kept.map(({ entity }) => entity);
  }
}

/** Tells the machines' network what it filters now. Those behind no firewall are not filtered. */
export function applyFilters({ state, machines }: Pick<Call, "state" | "machines">): Promise<void> {
  const filters: MachineFilter[] = [];
  for (const { view, devices } of state.firewalls.values()) {
    if (view.status !== "enabled") continue;
    for (const { entity } of devices) {
      const instance = state.instances.get(entity.id);
      if (!instance) continue;
      filters.push({
        addresses: machines.addresses(instance.order.host),
        ...(instance.order.public && instance.order.vpc ? { vpc: instance.order.vpc.address } : {}),
        inbound: ruleSet(view.rules, "inbound"),
        outbound: ruleSet(view.rules, "outbound"),
      });
    }
  }
  return machines.filter(filters);
}

function ruleSet(rules: FirewallRules, side: "inbound" | "outbound"): RuleSet {
  return {
    policy: rules[side === "inbound" ? "inbound_policy" : "outbound_policy"],
    rules: (rules[side] ?? []).map(
      (rule: FirewallRule): FilterRule => ({
        action: rule.action,
        protocol: rule.protocol,
        ports: rule.ports ?? "",
        ipv4: rule.addresses?.ipv4 ?? [],
        ipv6: rule.addresses?.ipv6 ?? [],
      }),
    ),
  };
}
