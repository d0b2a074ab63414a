import type { Call, Property, ResourceKind, Values } from "../common/kinds";
import { same } from "../common/values";
import type { Firewall, FirewallDevice, FirewallRule } from "./api";
import type { LinodeClient } from "./client";
import {
  afterMade,
  length,
  number,
  numberSet,
  oneOf,
  refreshed,
  refuseImport,
  tags,
  texts,
  time,
  unimplemented,
  within,
  withoutEmpty,
} from "./fields";

const policy: Property = { type: "string", required: true, validate: oneOf("ACCEPT", "DROP") };
const notEmpty: Property["validate"] = (value) =>
  (Array.isArray(value) || typeof value === "string") && value.length === 0 ? "must not be empty" : undefined;

/** firewall/framework_schema_resource.go: ruleNestedObject. */
const rules: Property = {
  type: "list",
  of: {
    type: "object",
    fields: {
      label: { type: "string", required: true, validate: length(3, 32) },
      action: policy,
      protocol: { type: "string", required: true, validate: oneOf("TCP", "UDP", "ICMP", "IPENCAP") },
      description: { type: "string" },
      ports: { type: "string", validate: notEmpty },
      ipv4s: { ...texts, validate: notEmpty },
      ipv6s: { ...texts, validate: notEmpty },
    },
  },
};

/** `linode.Firewall` (firewall/framework_schema_resource.go, firewall/framework_resource.go, firewall/helpers.go). */
export function firewallKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/firewall:Firewall";
  const inputs: Record<string, Property> = {
    label: { type: "string", required: true, validate: length(3, 32) },
    tags,
    disabled: { type: "boolean", default: false },
    inboundPolicy: policy,
    outboundPolicy: policy,
    inbounds: rules,
    outbounds: rules,
    linodes: numberSet,
    nodebalancers: unimplemented(),
  };
  const devicesOf = (id: number, call: Call) =>
    linode().all(call, (api, page) => api.getFirewallDevices(id, page));
  return {
    token,
    inputs,
    outputs: {
      devices: { stable: true },
      nodebalancers: { stable: true },
      status: { stable: true },
      created: { stable: true },
      updated: {},
    },
    async create(values, call) {
      const limited = within(call);
      const body = {
        label: values.label,
        rules: ruleSet(values),
        ...withoutEmpty({ tags: values.tags }),
        devices: withoutEmpty({ linodes: values.linodes }),
      };
      const made = await linode().ask(limited, (api) => api.createFirewall(body));
      return afterMade(made.id, async () => {
        const firewall =
          values.disabled === true
            ? await linode().ask(limited, (api) => api.updateFirewall(made.id, { status: "disabled" }))
            : made;
        return outputs(firewall, await devicesOf(made.id, limited), values);
      });
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const limited = within(call);
      const firewall = await linode().find(limited, (api) => api.getFirewall(number(id)));
      if (firewall === undefined) return undefined;
      const found = await linode().ask(limited, (api) => api.getFirewallRules(number(id)));
      const devices = await devicesOf(number(id), limited);
      const now: Values = {
        label: firewall.label,
        tags: tags.same?.(given.tags, firewall.tags) ? given.tags : firewall.tags,
        disabled: firewall.status === "disabled",
        inboundPolicy: found.inbound_policy,
        outboundPolicy: found.outbound_policy,
        inbounds: asGiven(given.inbounds, found.inbound),
        outbounds: asGiven(given.outbounds, found.outbound),
        linodes: numberSet.same?.(given.linodes, linodesOf(devices)) ? given.linodes : linodesOf(devices),
      };
      // A rule that somebody else made is there although none was asked for.
      const rulesNow = withoutEmpty({ inbounds: now.inbounds, outbounds: now.outbounds });
      return {
        id,
        inputs: { ...refreshed(given, now), ...rulesNow },
        outputs: outputs(firewall, devices, now),
      };
    },
    async update(id, state, values, call) {
      const limited = within(call);
      const firewall = number(id);
      const body: Values = withoutEmpty({ label: values.label === state.label ? undefined : values.label });
      if (!tags.same?.(state.tags, values.tags)) body.tags = values.tags ?? [];
      if (values.disabled !== state.disabled) body.status = values.disabled ? "disabled" : "enabled";
      if (Object.keys(body).length > 0) {
        await linode().ask(limited, (api) => api.updateFirewall(firewall, body));
      }
      if (!same(ruleSet(state), ruleSet(values))) {
        await linode().ask(limited, (api) => api.updateFirewallRules(firewall, ruleSet(values)));
      }
      if (values.linodes !== undefined && !numberSet.same?.(state.linodes, values.linodes)) {
        await assign(firewall, values.linodes as number[], limited);
      }
      const now = await linode().ask(limited, (api) => api.getFirewall(firewall));
      return outputs(now, await devicesOf(firewall, limited), values);
    },
    async delete(id, _state, call) {
      await linode().find(within(call), (api) => api.deleteFirewall(number(id)));
    },
  };

  /** First those that come, then those that go (fwUpdateFirewallDevices). */
  async function assign(firewall: number, linodes: number[], call: Call): Promise<void> {
    const there = await devicesOf(firewall, call);
    const known = linodesOf(there);
    for (const id of linodes.filter((one) => !known.includes(one))) {
      await linode().ask(call, (api) => api.addFirewallDevice(firewall, { id, type: "linode" }));
    }
    for (const device of there) {
      if (device.entity.type === "linode" && linodes.includes(device.entity.id)) continue;
      await linode().ask(call, (api) => api.deleteFirewallDevice(firewall, device.id));
    }
  }
}

function outputs(firewall: Firewall, devices: FirewallDevice[], values: Values): Values {
  const described = (list: unknown) =>
    ((list ?? []) as Values[]).map((rule) => ({ description: "", ...rule }));
  return {
    tags: firewall.tags,
    inbounds: described(values.inbounds),
    outbounds: described(values.outbounds),
    linodes: linodesOf(devices),
    nodebalancers: entitiesOf(devices, "nodebalancer"),
    devices: devices.map(({ id, entity }) => ({
      id,
      entityId: entity.id,
      type: entity.type,
      label: entity.label,
      url: entity.url,
    })),
    status: firewall.status,
    created: time(firewall.created),
    updated: time(firewall.updated),
  };
}

const linodesOf = (devices: FirewallDevice[]): number[] => entitiesOf(devices, "linode");

function entitiesOf(devices: FirewallDevice[], type: string): number[] {
  return devices.filter(({ entity }) => entity.type === type).map(({ entity }) => entity.id);
}

/** The rules as they are sent (ExpandFirewallRuleSet). */
function ruleSet(values: Values): Values {
  const expand = (list: unknown) =>
    ((list ?? []) as Values[]).map(({ label, action, protocol, description, ports, ipv4s, ipv6s }) => ({
      label,
      action,
      protocol,
      ...withoutEmpty({ description, ports }),
      addresses: withoutEmpty({ ipv4: ipv4s, ipv6: ipv6s }),
    }));
  return {
    inbound: expand(values.inbounds),
    inbound_policy: values.inboundPolicy,
    outbound: expand(values.outbounds),
    outbound_policy: values.outboundPolicy,
  };
}

/** The rules as inputs; those that mean what was given, as they were given. */
function asGiven(given: unknown, found: FirewallRule[]): unknown {
  const now = found.map(({ label, action, protocol, description, ports, addresses }) => ({
    label,
    action,
    protocol,
    ...withoutEmpty({ description, ports, ipv4s: addresses?.ipv4, ipv6s: addresses?.ipv6 }),
  }));
  const sent = (list: unknown) => ruleSet({ inbounds: list }).inbound;
  return same(sent(given), sent(now)) ? given : now;
}
