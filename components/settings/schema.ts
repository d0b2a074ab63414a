import { z } from "zod";
import { type Role, roles, type Versions } from "../topology/model";
import { acmeSchema } from "./acme";
import { type AskedAuth, authSchema } from "./auth";
import type { Settings } from "./model";
import { supportedVersions } from "./versions";

/**
 * The form of the settings: types, limits of single values, defaults. What needs more than one value to judge is in
 * checks.ts. Titles are the interfaces' names: the editors' schema takes its descriptions from there.
 */

/** One DNS label of lower-case letters and digits with single hyphens, beginning with a letter. */
export const labelPattern = /^[a-z](?:-?[a-z0-9])*$/;
const keyPattern = /^[a-z0-9](?:-?[a-z0-9])*$/;
const domainPattern = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

/** A type of machine at Linode. */
export const linodeType = /^g[0-9]+-[a-z0-9]+(?:-[a-z0-9]+)*$/;
export const linodeTypeHint = 'must be a type of Linode\'s, such as "g6-standard-2"';

const label = z
  .string()
  .max(63, "must have at most 63 characters, the limit of a DNS label")
  .regex(labelPattern, "must be lower-case letters, digits and single hyphens, beginning with a letter");

const key = z
  .string()
  .max(63, "must have at most 63 characters, the limit of a DNS label")
  .regex(keyPattern, "must be lower-case letters, digits and single hyphens");

const domain = z
  .string()
  .max(253, "must have at most 253 characters")
  .regex(domainPattern, 'must be a lower-case host name with a domain, such as "www.example.org"');

const multiplier = z.int().min(1).max(10).default(1);

function version(program: keyof Versions) {
  return z.string().default(supportedVersions[program][0]);
}

const local = z
  .strictObject({
    kind: z.literal("local"),
    bake: z.boolean().default(true),
    memoryMb: z.int().min(256).max(1_048_576).default(1024),
  })
  .meta({ title: "LocalCloudSettings" });

const linode = z
  .strictObject({
    kind: z.literal("linode"),
    region: z
      .string()
      .regex(/^[a-z]{2}-[a-z0-9]+(?:-[a-z0-9]+)*$/, 'must be a region of Linode, such as "nl-ams"'),
    image: z
      .string()
      .regex(/^private\/[1-9][0-9]*$/, 'must be an image of your own, such as "private/12345678"'),
    type: z.string().regex(linodeType, linodeTypeHint).default("g6-standard-2"),
    egress: z.enum(["public", "nat"]).default("public"),
    bootstrap: z.enum(["metadata", "stackscript"]).default("metadata"),
    backups: z.boolean().default(true),
    protect: z.boolean().default(true),
  })
  .meta({ title: "LinodeCloudSettings" });

const word = z.string().min(1, "must not be empty").max(255, "must have at most 255 characters");
const amount = z.number().min(0).max(1_000_000);
const openstackId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/,
    'must be an id of OpenStack, such as "7d2c7a4e-52c4-4a55-bb2a-6f1a6c2f7f10"',
  );

const openstack = z
  .strictObject({
    kind: z.literal("openstack"),
    image: word,
    size: word,
    externalNetwork: word,
    router: openstackId.optional(),
    ipv6Routed: z.boolean().default(false),
    ipv6SubnetPool: openstackId.optional(),
    dnsServers: z
      .array(z.string())
      .min(1, "must name at least one server, or be left out")
      .max(5, "must name at most 5 servers")
      .optional(),
    rootVolume: z
      .strictObject({
        sizeGb: z.int().min(10).max(10_000),
        type: word.optional(),
        everywhere: z.boolean().default(false),
      })
      .meta({ title: "RootVolumeSettings" })
      .optional(),
    prices: z
      .strictObject({
        currency: z.string().regex(/^[A-Z]{3}$/, 'must be three capital letters, such as "EUR"'),
        sizes: z.record(word, amount),
        volumeGb: amount.default(0),
        floatingAddress: amount.default(0),
        date: z
          .string()
          .regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, 'must be a day in quotes, such as "2026-11-01"')
          .optional(),
        source: word.optional(),
      })
      .meta({ title: "PriceSettings" })
      .optional(),
    protect: z.boolean().default(true),
  })
  .meta({ title: "OpenStackCloudSettings" });

const group = z
  .strictObject({
    roles: z.array(z.enum(roles as readonly [Role, ...Role[]])).min(1, "must name at least one role"),
    keys: z.array(key).min(1, "must name at least one machine"),
    nodeClass: label.optional(),
    public: z.boolean().optional(),
    size: z.string().min(1, "must not be empty").max(100).optional(),
  })
  .meta({ title: "GroupSettings" });

/**
 * What the sections give: the settings but for those whose defaults depend on the kind of cloud, or of provider, which
 * defaults.ts fills in.
 */
type Asked = Omit<Settings, "adminCidrs" | "auth" | "network" | "site"> & {
  readonly auth?: AskedAuth;
  readonly adminCidrs?: Settings["adminCidrs"];
  readonly network: Partial<Settings["network"]>;
  readonly site: Omit<Settings["site"], "domain"> & { readonly domain?: string };
};

/** One schema for each setting at the top, so that one that is wrong does not hide what is wrong in another. */
export const sections = {
  name: label,
  cloud: z.discriminatedUnion("kind", [local, linode, openstack]).prefault({ kind: "local" }),
  network: z
    .strictObject({
      ipv4: z.string().optional(),
      ipv6: z.string().optional(),
      family: z.enum(["ipv4", "ipv6"]).optional(),
    })
    .meta({ title: "NetworkSettings" })
    .prefault({}),
  adminCidrs: z
    .array(z.string())
    .min(1, "must name at least one network, or nobody can reach support")
    .max(20, "must name at most 20 networks: clouds limit the rules of a firewall")
    .optional(),
  datacenter: label.default("dc1"),
  region: label.default("global"),
  versions: z
    .strictObject({
      consul: version("consul"),
      vault: version("vault"),
      nomad: version("nomad"),
      cfssl: version("cfssl"),
      fabio: version("fabio"),
      traefik: version("traefik"),
      caddy: version("caddy"),
    })
    .meta({ title: "Versions" })
    .prefault({}),
  ssh: z
    .strictObject({
      user: z
        .string()
        .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a Linux user name of lower-case letters, digits, _ and -")
        .default("ops"),
    })
    .meta({ title: "SshSettings" })
    .prefault({}),
  groups: z.record(label, group),
  timing: z
    .strictObject({
      consulRaftMultiplier: multiplier,
      nomadRaftMultiplier: multiplier,
      vaultPerformanceMultiplier: multiplier,
      leafDays: z.int().min(1).max(365).default(30),
      newMachineMinutes: z.int().min(1).max(60).default(15),
    })
    .meta({ title: "TimingSettings" })
    .prefault({}),
  site: z
    .strictObject({
      enabled: z.boolean().default(true),
      domain: domain.optional(),
      instances: z.int().min(1).max(100).default(2),
      nodeClass: label.default("general"),
      ingress: z.enum(["fabio", "traefik"]).default("fabio"),
    })
    .meta({ title: "SiteSettings" })
    .prefault({}),
  auth: authSchema,
  dns: z
    .strictObject({
      domain,
      owned: z.boolean().default(false),
      provider: z.enum(["linode", "openstack"]),
      ttl: z.int().min(30).max(86_400).default(300),
    })
    .meta({ title: "DnsSettings" })
    .optional(),
  acme: acmeSchema,
} as const;

/** The whole; the compiler holds it and the interfaces together. */
export const settingsSchema = z.strictObject(sections).meta({ title: "Settings" }) satisfies z.ZodType<Asked>;

/** The settings known inside the mapping at a path. Example: ["network"] has "ipv4", "ipv6" and "family". */
export function knownAt(path: readonly PropertyKey[]): readonly string[] {
  let schemas: z.core.$ZodType[] = [settingsSchema];
  for (const part of path) schemas = schemas.flatMap((schema) => children(schema, part));
  return schemas.flatMap((schema) => mappings(schema)).flatMap((mapping) => Object.keys(mapping.shape));
}

function children(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  if (schema instanceof z.ZodRecord) return [schema.valueType];
  return mappings(schema).flatMap((mapping) =>
    typeof part === "string" && Object.hasOwn(mapping.shape, part)
      ? [mapping.shape[part] as z.core.$ZodType]
      : [],
  );
}

function mappings(schema: z.core.$ZodType): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return mappings(schema.unwrap() as z.core.$ZodType);
  }
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(mappings);
  return [];
}
