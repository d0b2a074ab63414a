import { exitCodes, ImageError } from "./errors";

/** What is asked of each cloud's template, and what must be in the environment for its plugin. Pure. */

export type CloudName = "linode" | "openstack";

/** What every image is asked for. */
export interface CommonOptions {
  /** The image's name. Example: "hashistack-20261123-1415". */
  readonly name: string;
  /** Further programs of the toolchain. Example: ["traefik"]. */
  readonly with: readonly string[];
  /** Only look whether it could be built. */
  readonly validate: boolean;
  /** A proxy for Debian's packages, as the machine reaches it. Example: "http://10.0.0.5:3128". */
  readonly aptProxy?: string;
}

export interface LinodeOptions extends CommonOptions {
  /** Example: "nl-ams". */
  readonly region: string;
  /** Default of the command line: "g6-nanode-1". */
  readonly type: string;
  /** Default of the command line: "linode/debian12". */
  readonly sourceImage: string;
  /** Id of a firewall for the machine that becomes the image. */
  readonly firewall?: number;
}

export interface OpenStackOptions extends CommonOptions {
  /** Name of a Debian 12 in the image service. */
  readonly sourceImage: string;
  readonly flavor: string;
  /** Ids of networks. */
  readonly network: readonly string[];
  /** The outer network by which this host reaches the machine. */
  readonly floatingNetwork?: string;
  /** Names; none: the project's default. */
  readonly securityGroup: readonly string[];
  /** Size of a volume to build on, in GB; none: the flavor's disk. */
  readonly volume?: number;
}

export type Asked = ({ cloud: "linode" } & LinodeOptions) | ({ cloud: "openstack" } & OpenStackOptions);

/** A file of variables as Packer reads it. */
export type Variables = Readonly<Record<string, string | number | readonly string[]>>;

/** A name that both clouds take. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,49}$/;

/** Throws one sentence for what no cloud would take, before anything is started. */
export function checkAsked(asked: Asked): void {
  const wrong = (what: string): never => {
    throw new ImageError(what, exitCodes.usage);
  };
  if (!namePattern.test(asked.name))
    wrong(
      `--name must be 1 to 50 of letters, digits, ".", "_" and "-", a letter or digit first, not "${asked.name}".`,
    );
  if (asked.aptProxy !== undefined && !/^https?:\/\/[^\s/@]+\/?$/.test(asked.aptProxy))
    wrong("--apt-proxy must be an address such as http://10.0.0.5:3128, without a user or password in it.");
  for (const [option, value] of Object.entries({
    firewall: asked.cloud === "linode" ? asked.firewall : undefined,
    volume: asked.cloud === "openstack" ? asked.volume : undefined,
  })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      wrong(`--${option} must be a whole number above 0.`);
  }
  if (asked.cloud === "linode" && !/^[a-z]{2,}(-[a-z0-9]+)+$/.test(asked.region))
    wrong(`--region must be one of Linode's, such as nl-ams, not "${asked.region}".`);
  if (asked.cloud === "openstack") {
    const strange = asked.network.find((id) => !/^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i.test(id));
    if (strange !== undefined)
      wrong(
        `--network must be a network's id (openstack network show NAME -f value -c id), not "${strange}".`,
      );
  }
}

/**
 * Says in one sentence who is missing from the environment; undefined where the plugin can log in. Values are looked at by
 * nobody but the plugin.
 */
export function missingLogin(cloud: CloudName, environment: NodeJS.ProcessEnv): string | undefined {
  const has = (...names: string[]): boolean => names.every((name) => Boolean(environment[name]));
  if (cloud === "linode")
    return has("LINODE_TOKEN")
      ? undefined
      : "LINODE_TOKEN is not set: export a token with the scopes images and linodes (read and write) and events (read).";
  if (has("OS_CLOUD")) return undefined;
  if (!has("OS_AUTH_URL"))
    return "Neither OS_CLOUD (an entry of clouds.yaml) nor OS_AUTH_URL is set: source the cloud's openrc file.";
  const ways = [
    ["OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET"],
    ["OS_USERNAME", "OS_PASSWORD"],
    ["OS_USERID", "OS_PASSWORD"],
    ["OS_TOKEN"],
  ];
  return ways.some((way) => has(...way))
    ? undefined
    : "OS_AUTH_URL is set, but nobody to log in as: set OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET, or OS_USERNAME and OS_PASSWORD.";
}

/** The template's variables. Holds no secret: see `missingLogin`. */
export function variablesOf(
  asked: Asked,
  programs: readonly { name: string; version: string; path: string }[],
): Variables {
  const common = {
    cloud: asked.cloud,
    name: asked.name,
    description: `Debian 12 for pulumi-hashistack: ${programs.map(({ name, version }) => `${name} ${version}`).join(", ")}`,
    programs: programs.map(({ path }) => path),
    apt_proxy: asked.aptProxy ?? "",
  };
  if (asked.cloud === "linode")
    return {
      ...common,
      region: asked.region,
      instance_type: asked.type,
      source_image: asked.sourceImage,
      firewall_id: asked.firewall ?? 0,
    };
  return {
    ...common,
    source_image: asked.sourceImage,
    flavor: asked.flavor,
    networks: asked.network,
    floating_network: asked.floatingNetwork ?? "",
    security_groups: asked.securityGroup.length > 0 ? asked.securityGroup : ["default"],
    volume_gb: asked.volume ?? 0,
  };
}

/** What to do with an image that is made, for people. */
export const nextSteps = (asked: Asked, id: string): string =>
  [
    `Image ${id} ("${asked.name}") is made. Into the stack's settings:`,
    "",
    "  hashistack:cloud:",
    `    image: ${id}`,
    "",
    "Machines made from then on have it; npx hashistack replace MACHINE makes one anew.",
    "",
  ].join("\n");
