import {
  createDomainSchema,
  createRecordSchema,
  updateDomainSchema,
  updateRecordSchema,
} from "@linode/validation";
import ipaddr from "ipaddr.js";
import { notFound, refuse } from "../errors.js";
import { note } from "../jobs.js";
import { list } from "../lists.js";
import type { Call, Route } from "../router.js";
import { find, nextId, now, readTags, textAt } from "../state.js";
import type { Domain, DomainRecord } from "../types.js";
import { validate } from "../validate.js";

/** Times to live that Linode keeps; any other is rounded up to one: techdocs, post-domain-record. */
const lifetimes = [
  0, 30, 120, 300, 3600, 7200, 14400, 28800, 57600, 86400, 172800, 345600, 604800, 1209600, 2419200,
];

const lifetime = (seconds: unknown): number =>
  lifetimes.find((one) => one >= Number(seconds ?? 0)) ?? lifetimes[lifetimes.length - 1];

const zoneOf = ({ state, params }: Call): { view: Domain; records: DomainRecord[] } =>
  find(state.domains, params.domainId);

function recordOf(call: Call): DomainRecord {
  const record = zoneOf(call).records.find(({ id }) => String(id) === call.params.recordId);
  if (!record) throw notFound();
  return record;
}

const entity = ({ id, domain }: Domain) => ({ id, label: domain, type: "domain", url: `/v4/domains/${id}` });

function create({ state, body }: Call): Domain {
  validate(createDomainSchema, body);
  const domain = (textAt(body, "domain") ?? "").toLowerCase();
  if ([...state.domains.values()].some(({ view }) => view.domain === domain))
    refuse("DNS zone already exists.", "domain");
  const list = (key: string): string[] => (Array.isArray(body[key]) ? body[key].map(String) : []);
  const view: Domain = {
    id: nextId(),
    domain,
    type: body.type === "slave" ? "slave" : "master",
    status: "active",
    soa_email: textAt(body, "soa_email") ?? "",
    description: textAt(body, "description") ?? "",
    group: "",
    tags: readTags(body.tags),
    master_ips: list("master_ips"),
    axfr_ips: list("axfr_ips"),
    ttl_sec: lifetime(body.ttl_sec),
    refresh_sec: lifetime(body.refresh_sec),
    retry_sec: lifetime(body.retry_sec),
    expire_sec: lifetime(body.expire_sec),
    updated: now(),
  };
  state.domains.set(view.id, { view, records: [] });
  note(state, "domain_create", entity(view));
  return view;
}

function update(call: Call): Domain {
  const { view } = zoneOf(call);
  validate(updateDomainSchema, call.body);
  const { body } = call;
  for (const key of ["soa_email", "description"] as const) view[key] = textAt(body, key) ?? view[key];
  for (const key of ["ttl_sec", "refresh_sec", "retry_sec", "expire_sec"] as const)
    if (body[key] !== undefined) view[key] = lifetime(body[key]);
  if (Array.isArray(body.tags)) view.tags = readTags(body.tags);
  view.updated = now();
  return view;
}

function remove(call: Call): object {
  const { view } = zoneOf(call);
  call.state.domains.delete(view.id);
  note(call.state, "domain_delete", entity(view));
  return {};
}

/** Refuses what a record of its type cannot point at. */
function assertTarget(type: string, target: string): void {
  if (type === "A" && !ipaddr.IPv4.isValidFourPartDecimal(target))
    refuse("Target must be an IPv4 address.", "target");
  if (type === "AAAA" && !ipaddr.IPv6.isValid(target)) refuse("Target must be an IPv6 address.", "target");
  if (["CNAME", "NS", "MX"].includes(type) && !/^[a-zA-Z0-9_.-]+$/.test(target))
    refuse("Target must be a host's name.", "target");
}

/** A name within its zone: what the API answers, whichever way it was sent. */
function nameIn(domain: string, name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, "");
  if (lower === domain) return "";
  return lower.endsWith(`.${domain}`) ? lower.slice(0, -domain.length - 1) : lower;
}

function createRecord(call: Call): DomainRecord {
  const { view, records } = zoneOf(call);
  const { body } = call;
  validate(createRecordSchema, body);
  const [type, target] = [body.type as DomainRecord["type"], textAt(body, "target") ?? ""];
  const name = nameIn(view.domain, textAt(body, "name") ?? "");
  assertTarget(type, target);
  if (name !== "" && !/^(\*|[a-z0-9_-]+)(\.[a-z0-9_-]+)*$/.test(name)) refuse("Invalid hostname.", "name");
  const lonely = records.some(
    (other) => other.name === name && (other.type === "CNAME") !== (type === "CNAME"),
  );
  if (lonely) refuse("A CNAME may not stand beside another record of its name.", "name");
  const time = now();
  const record: DomainRecord = {
    id: nextId(),
    type,
    name,
    target,
    priority: Number(body.priority ?? 0),
    weight: Number(body.weight ?? 0),
    port: Number(body.port ?? 0),
    service: textAt(body, "service") ?? null,
    protocol: textAt(body, "protocol") ?? null,
    tag: textAt(body, "tag") ?? null,
    ttl_sec: lifetime(body.ttl_sec),
    created: time,
    updated: time,
  };
  records.push(record);
  note(call.state, "domain_record_create", entity(view));
  return record;
}

function updateRecord(call: Call): DomainRecord {
  const [{ view }, record] = [zoneOf(call), recordOf(call)];
  const { body } = call;
  validate(updateRecordSchema, body);
  const target = textAt(body, "target") ?? record.target;
  assertTarget(record.type, target);
  record.target = target;
  if (typeof body.name === "string") record.name = nameIn(view.domain, body.name);
  if (body.ttl_sec !== undefined) record.ttl_sec = lifetime(body.ttl_sec);
  for (const key of ["priority", "weight", "port"] as const)
    if (typeof body[key] === "number") record[key] = body[key];
  record.updated = now();
  note(call.state, "domain_record_update", entity(view));
  return record;
}

function removeRecord(call: Call): object {
  const { view, records } = zoneOf(call);
  records.splice(records.indexOf(recordOf(call)), 1);
  note(call.state, "domain_record_delete", entity(view));
  return {};
}

const base = "/domains/:domainId";

export const domainRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/domains",
    answer: ({ state, listing }) =>
      list(
        [...state.domains.values()].map(({ view }) => view),
        listing,
      ),
  },
  { method: "POST", path: "/domains", answer: create },
  { method: "GET", path: base, answer: (call) => zoneOf(call).view },
  { method: "PUT", path: base, answer: update },
  { method: "DELETE", path: base, answer: remove },
  { method: "GET", path: `${base}/records`, answer: (call) => list(zoneOf(call).records, call.listing) },
  { method: "POST", path: `${base}/records`, answer: createRecord },
  { method: "GET", path: `${base}/records/:recordId`, answer: recordOf },
  { method: "PUT", path: `${base}/records/:recordId`, answer: updateRecord },
  { method: "DELETE", path: `${base}/records/:recordId`, answer: removeRecord },
];
