import type { Call, ResourceKind, Values } from "../common/kinds";
import { isObject, same } from "../common/values";
import type { Linode } from "./api";
import { type LinodeClient, LinodeError } from "./client";
import { doAndWait, waitForStatus } from "./events";
import { afterMade, number, refreshed, refuseImport, tags, within, withoutEmpty } from "./fields";
import { checkInstance, instanceInputs, refusedInPlace } from "./instance-schema";
import {
  createBody,
  interfacesAsGiven,
  outputsOf,
  planned,
  type Seen,
  secretsOf,
  withCompliance,
} from "./instance-values";

/** The provider's own limits (LinodeInstance…Timeout in instance/resource.go); customTimeouts go before them. */
const CREATE_SECONDS = 15 * 60;
const UPDATE_SECONDS = 60 * 60;
const DELETE_SECONDS = 10 * 60;

const stable = { stable: true };

/** `linode.Instance` (instance/schema_resource.go, instance/resource.go, instance/helpers.go). */
export function instanceKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/instance:Instance";
  return {
    token,
    inputs: instanceInputs,
    // Computed values keep what they have when an instance is updated: the provider's older framework plans so.
    outputs: {
      alerts: stable,
      backups: stable,
      bootConfigLabel: stable,
      capabilities: stable,
      configs: stable,
      disks: stable,
      hasUserData: stable,
      hostUuid: stable,
      ipAddress: stable,
      ipv4s: stable,
      ipv6: stable,
      lkeClusterId: stable,
      privateIpAddress: stable,
      sharedIpv4s: stable,
      specs: stable,
      status: stable,
    },
    check: checkInstance,
    planned,
    async create(values, call) {
      const limited = within(call, CREATE_SECONDS);
      const body = createBody(values);
      // Not by the library's createLinode: it asks for a vpc_id, which the official provider does not send.
      const post = () =>
        linode().ask(
          limited,
          ({ baseRequest }) => baseRequest.post<Linode>("/linode/instances", body),
          secretsOf(values, body),
        );
      const { data: made } = await post().catch((error: unknown) => tellOfOrphan(error, values.label));
      const { id, ipv4, ipv6 } = made;
      const finish = async () => {
        if (values.watchdogEnabled === false) {
          await linode().ask(limited, (api) => api.updateLinode(id, { watchdog_enabled: false }));
        }
        if (!linode().config.skipInstanceReadyPoll) {
          const target = body.booted === true && body.image !== undefined ? "running" : "offline";
          await waitForStatus(linode(), id, target, limited);
        }
        return outputsOf(await look(id, limited), values);
      };
      return afterMade(id, finish, { ipv4s: ipv4, ipv6: ipv6 ?? "", ipAddress: ipv4[0] ?? "" });
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const limited = within(call);
      const instance = await linode().find(limited, (api) => api.getLinode(number(id)));
      if (instance === undefined) return undefined;
      const now = outputsOf(await look(number(id), limited), state);
      const inputs = refreshed(given, {
        ...now,
        tags: tags.same?.(given.tags, now.tags) ? given.tags : now.tags,
        interfaces: interfacesAsGiven(given.interfaces, now.interfaces),
        placementGroup: groupOf(given) === groupOf(now) ? given.placementGroup : shortGroup(now),
      });
      return { id, inputs, outputs: now };
    },
    async update(id, state, values, call) {
      const limited = within(call, UPDATE_SECONDS);
      refuseInPlace(id, state, values);
      const instance = number(id);
      await linode().ask(limited, (api) => api.getLinode(instance));
      await reassign(instance, state, values, limited);
      await change(instance, state, values, limited);
      await power(instance, values, limited);
      return outputsOf(await look(instance, limited), { ...state, ...values });
    },
    async delete(id, _state, call) {
      const limited = within(call, DELETE_SECONDS);
      const instance = number(id);
      const remove = () => linode().find(limited, (api) => api.deleteLinode(instance));
      const wait = !linode().config.skipInstanceDeletePoll;
      await doAndWait(linode(), instance, "linode_delete", limited, remove, wait);
    },
  };

  async function look(id: number, call: Call): Promise<Seen> {
    return {
      instance: await linode().ask(call, (api) => api.getLinode(id)),
      ips: await linode().ask(call, (api) => api.getLinodeIPs(id)),
      disks: await linode().all(call, (api, page) => api.getLinodeDisks(id, page)),
      configs: await linode().all(call, (api, page) => api.getLinodeConfigs(id, page)),
    };
  }

  /** Out of the old group, then into the new one (reassignPlacementGroup). */
  async function reassign(id: number, state: Values, values: Values, call: Call): Promise<void> {
    const [old, now] = [groupOf(state), groupOf(values)];
    if (old === now) return;
    if (old !== undefined) {
      await linode().find(call, (api) => api.unassignLinodesFromPlacementGroup(old, { linodes: [id] }));
    }
    if (now !== undefined) {
      const body = withCompliance({ linodes: [id] }, values.placementGroup as Values);
      await linode().ask(call, (api) => api.assignLinodesToPlacementGroup(now, body));
    }
  }

  async function change(id: number, state: Values, values: Values, call: Call): Promise<void> {
    const body = withoutEmpty({ label: values.label === state.label ? undefined : values.label });
    if (!tags.same?.(state.tags, values.tags)) body.tags = values.tags ?? [];
    if (values.watchdogEnabled !== state.watchdogEnabled) body.watchdog_enabled = values.watchdogEnabled;
    if (Object.keys(body).length > 0) {
      await linode().ask(call, (api) => api.updateLinode(id, body));
    }
    const backups = values.backupsEnabled ?? state.backupsEnabled;
    if (backups !== state.backupsEnabled) {
      await linode().ask(call, (api) => (backups ? api.enableBackups(id) : api.cancelBackups(id)));
    }
  }

  /** On or off only where the program says which (handleBootedUpdate). */
  async function power(id: number, { booted }: Values, call: Call): Promise<void> {
    if (booted === undefined) return;
    let { status } = await linode().ask(call, (api) => api.getLinode(id));
    const becoming: Record<string, string> = {
      booting: "running",
      rebooting: "running",
      shutting_down: "offline",
    };
    if (becoming[status] !== undefined) {
      await waitForStatus(linode(), id, becoming[status], within({ ...call, seconds: 0 }, 120));
      status = becoming[status];
    }
    if (status === "running" && booted === false) {
      const off = () => linode().ask(call, (api) => api.linodeShutdown(id));
      await doAndWait(linode(), id, "linode_shutdown", call, off);
    } else if (status === "offline" && booted === true) {
      const on = () => linode().ask(call, (api) => api.linodeBoot(id));
      await doAndWait(linode(), id, "linode_boot", call, on);
    } else if (status !== "running" && status !== "offline") {
      throw new Error(`instance ${id} is ${status}: it can be neither booted nor shut down now`);
    }
  }
}

/** A failure of Linode's own leaves open whether the instance exists. Nobody knows its id then: not there either. */
function tellOfOrphan(error: unknown, label: unknown): never {
  const unsure = error instanceof LinodeError && (error.status === 0 || error.status >= 500);
  if (!unsure) throw error;
  throw new Error(
    `${error.message}; an instance "${label ?? ""}" may exist all the same: look for it by its label`,
  );
}

function groupOf({ placementGroup }: Values): number | undefined {
  return isObject(placementGroup) ? Number(placementGroup.id) : undefined;
}

function shortGroup({ placementGroup }: Values): Values | undefined {
  return isObject(placementGroup) ? { id: placementGroup.id } : undefined;
}

function refuseInPlace(id: string, state: Values, values: Values): void {
  for (const [property, what] of Object.entries(refusedInPlace)) {
    const now = values[property];
    const unchanged =
      property === "interfaces"
        ? same(interfacesAsGiven(now, state.interfaces), now)
        : now === undefined || now === state[property];
    if (unchanged || (property === "privateIp" && now === false)) continue;
    throw new Error(
      `instance ${id}: this stand-in does not ${what} a living instance: put ${property} in replaceOnChanges or ignoreChanges`,
    );
  }
}
