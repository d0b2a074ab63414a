import { regions, types } from "../catalog.js";
import { notFound, refuse } from "../errors.js";
import { list } from "../lists.js";
import type { Call, Route } from "../router.js";
import { now, readTags, type State, textAt } from "../state.js";

/** What clients ask of an account besides its machines: who it is, what is on offer, tags. */

const profile = {
  uid: 1,
  username: "rehearsal",
  email: "rehearsal@example.com",
  timezone: "UTC",
  restricted: false,
  user_type: "default",
  two_factor_auth: true,
  email_notifications: false,
  ip_whitelist_enabled: false,
  lish_auth_method: "keys_only",
  authentication_type: "password",
  authorized_keys: [],
  verified_phone_number: null,
  referrals: { code: "", url: "", total: 0, completed: 0, pending: 0, credit: 0 },
};

const settings = {
  backups_enabled: false,
  managed: false,
  network_helper: true,
  longview_subscription: null,
  object_storage: "disabled",
  interfaces_for_new_linodes: "legacy_config_default_but_linode_allowed",
};

const account = {
  euuid: "00000000-0000-4000-8000-000000000000",
  email: "rehearsal@example.com",
  company: "Rehearsal",
  active_since: "2026-01-01T00:00:00",
  balance: 0,
  capabilities: ["Linodes", "Cloud Firewall", "VPCs", "Placement Group", "Disk Encryption", "Machine Images"],
};

/** Whatever bears a tag: an instance, a firewall or a domain. */
const tagged = (state: State): { type: string; data: { tags: string[] } }[] => [
  ...[...state.instances.values()].map(({ view }) => ({ type: "linode", data: view })),
  ...[...state.firewalls.values()].map(({ view }) => ({ type: "firewall", data: view })),
  ...[...state.domains.values()].map(({ view }) => ({ type: "domain", data: view })),
];

const labels = (state: State): { label: string }[] =>
  [...new Set(tagged(state).flatMap(({ data }) => data.tags))].sort().map((label) => ({ label }));

/** A tag lives on what it is put on; the API takes only such as have something. */
function createTag({ state, body }: Call): object {
  const [label] = readTags([textAt(body, "label") ?? ""]);
  const ids = Array.isArray(body.linodes) ? body.linodes : [];
  for (const id of ids) {
    const instance = state.instances.get(id) ?? refuse("Linode was not found.", "linodes");
    instance.view.tags = [...new Set([...instance.view.tags, label])];
    instance.view.updated = now();
  }
  return { label };
}

function removeTag({ state, params }: Call): object {
  const bearers = tagged(state).filter(({ data }) => data.tags.includes(params.label));
  if (bearers.length === 0) throw notFound();
  for (const { data } of bearers) data.tags = data.tags.filter((tag) => tag !== params.label);
  return {};
}

const byId = (things: readonly { id: string }[], id: string): object => {
  const thing = things.find((one) => one.id === id);
  if (!thing) throw notFound();
  return thing;
};

export const accountRoutes: readonly Route[] = [
  { method: "GET", path: "/profile", answer: () => profile },
  { method: "GET", path: "/account", answer: () => account },
  { method: "GET", path: "/account/settings", answer: () => settings },
  { method: "GET", path: "/regions", open: true, answer: ({ listing }) => list(regions, listing) },
  { method: "GET", path: "/regions/:id", open: true, answer: ({ params }) => byId(regions, params.id) },
  { method: "GET", path: "/linode/types", open: true, answer: ({ listing }) => list(types, listing) },
  { method: "GET", path: "/linode/types/:id", open: true, answer: ({ params }) => byId(types, params.id) },
  { method: "GET", path: "/tags", answer: ({ state, listing }) => list(labels(state), listing) },
  { method: "POST", path: "/tags", answer: createTag },
  {
    method: "GET",
    path: "/tags/:label",
    answer: ({ state, params, listing }) =>
      list(
        tagged(state).filter(({ data }) => data.tags.includes(params.label)),
        listing,
      ),
  },
  { method: "DELETE", path: "/tags/:label", answer: removeTag },
];
