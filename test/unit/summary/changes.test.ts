import { expect, test } from "vitest";
import { parseSettings, type Settings } from "../../../components/settings";
import {
  changesSince,
  changesText,
  type DeployedMachine,
  isChange,
  outdated,
  type PlanSummary,
  summarise,
} from "../../../components/summary";
import { goodSettings } from "../settings/stack-files";

/** What a plan changes about machines that are there, as who would change them reads it. */

const linode = { kind: "linode", region: "nl-ams", image: "private/1" };
const openstack = { kind: "openstack", image: "i", size: "m1.medium", externalNetwork: "public" };
type Groups = ReturnType<typeof goodSettings>["groups"];

function settingsWith(
  change: (groups: Groups) => void = () => {},
  cloud: object = linode,
  nodeClass = "general",
): Settings {
  const { groups } = goodSettings();
  change(groups);
  const site = { domain: "www.example.org", nodeClass };
  return parseSettings({ ...goodSettings(), groups, cloud, site, adminCidrs: ["203.0.113.7/32"] });
}
const deployed = (plan: PlanSummary): DeployedMachine[] => plan.machines.map(({ cost, ...known }) => known);
const before = deployed(summarise(settingsWith()));

function said(settings: Settings, was = before): string[] {
  const plan = summarise(settings);
  return changesText(changesSince(was, plan, settings.cloud), plan, " --stack prod").split("\n");
}

test("nothing", () => {
  const settings = settingsWith();
  const changes = changesSince(before, summarise(settings), settings.cloud);
  expect(changes).toEqual({
    ...{ added: [], removed: [], changed: [] },
    cost: { currency: "USD", before: 212, after: 212 },
  });
  expect(isChange(changes)).toBe(false);
  expect(said(settings)).toEqual(["Since the last up: no machine changes."]);
});

test("machines that come and go, and what becomes of the cost", () => {
  const settings = settingsWith(({ client, edge }) => {
    Object.assign(client as object, { keys: ["a", "c", "d"] });
    Object.assign(edge as object, { keys: ["a"] });
  });
  expect(said(settings)).toEqual([
    "Since the last up:",
    "  +  client-c  nomad-client (general), g6-standard-2, 24.00",
    "  +  client-d  nomad-client (general), g6-standard-2, 24.00",
    "  -  client-b",
    "  -  edge-b",
    "  212.00 USD a month, as before",
  ]);
});

test("another size waits until the machine is made anew: no cloud resizes a living one", () => {
  const settings = settingsWith(({ edge }) => Object.assign(edge as object, { size: "g6-standard-1" }));
  expect(said(settings)).toEqual([
    "Since the last up:",
    "  ~  edge-a  size: g6-standard-2, then g6-standard-1  (once it is made anew)",
    "  ~  edge-b  size: g6-standard-2, then g6-standard-1  (once it is made anew)",
    "  212.00, then 188.00 USD a month (-24.00)",
    "  What waits is not changed on a living machine. To make them anew: npx hashistack replace --stack prod --outdated",
  ]);
});

test("roles, class, backups: at the next up", () => {
  const batch = (groups: Groups) => void Object.assign(groups.client as object, { nodeClass: "batch" });
  const settings = settingsWith(batch, { ...linode, backups: false }, "batch");
  expect(said(settings).filter((line) => /client-a|support-a/.test(line))).toEqual([
    "  ~  support-a  backups: on, then off",
    "  ~  client-a   class: general, then batch",
  ]);
});

test("another image: each machine is outdated until it is made anew", () => {
  const settings = settingsWith(() => {}, { ...linode, image: "private/2" });
  const changes = changesSince(before, summarise(settings), settings.cloud);
  expect(outdated(changes)).toEqual(before.map(({ name }) => name));
  expect(said(settings).slice(1, 2)).toEqual([
    "  ~  support-a  image: private/1, then private/2  (once it is made anew)",
  ]);
});

test("of an OpenStack's image a name tells nothing, an id does", () => {
  const id = (digit: number) => `00000000-0000-0000-0000-00000000000${digit}`;
  const cloud = (image: string) => ({ ...openstack, image });
  const was = deployed(summarise(settingsWith(() => {}, cloud(id(1)))));
  const old = (image: string) => {
    const settings = settingsWith(() => {}, cloud(image));
    return outdated(changesSince(was, summarise(settings), settings.cloud)).length;
  };
  expect([old(id(1)), old(id(2)), old("hashistack")]).toEqual([0, was.length, 0]);
  // However an id is written, it is none of a name.
  expect([old("A".repeat(32)), old(id(2).replaceAll("-", ""))]).toEqual([was.length, was.length]);
});

test("disks and public addresses", () => {
  const was = deployed(summarise(settingsWith(undefined, openstack)));
  const settings = settingsWith(({ edge }) => Object.assign(edge as object, { public: false }), {
    ...openstack,
    rootVolume: { sizeGb: 20 },
  });
  // What was a disk of the host's own is known to be that.
  const known = was.map((one) => ({ ...one, volumeGb: undefined }));
  expect(said(settings, known).filter((line) => /-a |npx/.test(line))).toEqual([
    "  ~  support-a  volume: the host's disk, then volume of 20 GiB  (once it is made anew)",
    "  ~  control-a  volume: the host's disk, then volume of 20 GiB  (once it is made anew)",
    "  ~  edge-a     public address: reached, then none",
    "  What waits is not changed on a living machine. To make them anew: npx hashistack replace --stack prod --outdated",
  ]);
});

test("what nobody knows of a machine is no change, and its cost none", () => {
  const settings = settingsWith();
  const known = before.map(({ name }) => ({ name }));
  expect(changesSince(known, summarise(settings), settings.cloud)).toEqual({
    added: [],
    removed: [],
    changed: [],
  });
});
