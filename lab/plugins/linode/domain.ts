import type { Call, Property, ResourceKind, Values } from "../common/kinds";
import type { DomainRecord } from "./api";
import type { LinodeClient } from "./client";
import { afterMade, length, number, oneOf, refreshed, refuseImport, within, withoutEmpty } from "./fields";

const recordTypes = ["A", "AAAA", "NS", "MX", "CNAME", "TXT", "SRV", "PTR", "CAA"];

/** What Linode rounds a time to live to (DomainSecondsDiffSuppressor in helper/domain.go). */
const seconds = [
  30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200,
];

function rounded(ttl: unknown): number {
  const given = Number(ttl ?? 0);
  return given === 0 ? 0 : (seconds.find((one) => given <= one) ?? seconds[seconds.length - 1]);
}

/** `linode.DomainRecord` (domainrecord/schema_resource.go, domainrecord/resource.go). */
export function domainRecordKind(linode: () => LinodeClient): ResourceKind {
  const token = "linode:index/domainRecord:DomainRecord";
  const text: Property = { type: "string" };
  const whole: Property = { type: "integer" };
  const inputs: Record<string, Property> = {
    domainId: { ...whole, required: true, forceNew: true },
    name: { ...text, validate: length(0, 100), computed: true },
    recordType: { ...text, required: true, forceNew: true, validate: oneOf(...recordTypes) },
    target: { ...text, required: true },
    ttlSec: { ...whole, same: (old, now) => rounded(old) === rounded(now) },
    priority: {
      ...whole,
      validate: (value) => (Number(value) >= 0 && Number(value) <= 255 ? undefined : "must be from 0 to 255"),
    },
    weight: whole,
    port: whole,
    service: text,
    protocol: text,
    tag: text,
  };
  const body = (values: Values): Values => {
    const { priority, weight, port, service, protocol, tag, target } = values;
    const numbers = Object.entries({ priority, weight, port }).filter(([, value]) => value !== undefined);
    return {
      type: values.recordType,
      target,
      ...Object.fromEntries(numbers),
      ...withoutEmpty({ service, protocol, tag, ttl_sec: values.ttlSec }),
    };
  };
  const domainOf = ({ domainId }: Values) => Number(domainId);
  /** As it is now, with the name as it was given when that has the domain in it (reconcileName). */
  const look = async (id: number, values: Values, call: Call): Promise<Values | undefined> => {
    const record = await linode().find(call, (api) => api.getDomainRecord(domainOf(values), id));
    if (record === undefined) return undefined;
    const now = shown(record);
    const given = values.name;
    if (typeof given !== "string" || given === "") return now;
    const { domain } = await linode().ask(call, (api) => api.getDomain(domainOf(values)));
    const short = (given.endsWith(domain) ? given.slice(0, -domain.length) : given).replace(/\.$/, "");
    return { ...now, name: short === record.name ? given : record.name };
  };
  return {
    token,
    inputs,
    outputs: {},
    async create(values, call) {
      const limited = within(call);
      const post = { ...body(values), name: values.name ?? "" };
      const made = await linode().ask(limited, (api) => api.createDomainRecord(domainOf(values), post));
      return afterMade(made.id, async () => (await look(made.id, values, limited)) ?? {});
    },
    async read(id, state, call, given) {
      refuseImport(token, id, state);
      const now = await look(number(id), state, within(call));
      return now && { id, inputs: refreshed(given, now), outputs: now };
    },
    async update(id, state, values, call) {
      const limited = within(call);
      const name = values.name ?? state.name;
      const put = { ...body(values), ...withoutEmpty({ name }) };
      await linode().ask(limited, (api) => api.updateDomainRecord(domainOf(values), number(id), put));
      return (await look(number(id), { ...values, name }, limited)) ?? {};
    },
    async delete(id, state, call) {
      await linode().find(within(call), (api) => api.deleteDomainRecord(domainOf(state), number(id)));
    },
  };
}

function shown(record: DomainRecord): Values {
  const { name, target, port, priority, weight, service, protocol, tag, ttl_sec, type } = record;
  return { name, target, port, priority, weight, service, protocol, tag, ttlSec: ttl_sec, recordType: type };
}

/** `linode.getDomain` (domain/framework_datasource.go): by `id`, or by its name. */
export async function getDomain(linode: LinodeClient, args: Values, call: Call): Promise<Values> {
  const unknown = Object.keys(args).filter((name) => name !== "id" && name !== "domain");
  if (unknown.length > 0) throw new Error(`linode.getDomain has no argument ${unknown.join(", ")}`);
  const { id, domain: name } = args;
  if (id !== undefined && name !== undefined) {
    throw new Error("linode.getDomain: id and domain cannot be given both");
  }
  const limited = within(call);
  const [found, ...others] =
    id === undefined
      ? await linode.all(limited, (api, page) => api.getDomains(page, { domain: name }))
      : [await linode.ask(limited, (api) => api.getDomain(Number(id)))];
  if (found === undefined || others.length > 0 || (name !== undefined && found.domain !== name)) {
    throw new Error(`linode.getDomain: domain ${name} was not found among the account's domains`);
  }
  return {
    id: found.id,
    domain: found.domain,
    type: found.type,
    group: found.group ?? "",
    status: found.status,
    description: found.description ?? "",
    masterIps: found.master_ips ?? [],
    axfrIps: found.axfr_ips ?? [],
    ttlSec: found.ttl_sec ?? 0,
    retrySec: found.retry_sec ?? 0,
    expireSec: found.expire_sec ?? 0,
    refreshSec: found.refresh_sec ?? 0,
    soaEmail: found.soa_email ?? "",
    tags: found.tags ?? [],
  };
}
