import type { Role, Versions } from "../topology/model";

/**
 * The settings of a stack, as the program uses them: complete and validated. In the stack's file only `name` and
 * `groups` are needed; everything else has a default. The comments here are also what editors show for the stack's
 * file: settings.schema.json is generated from them and from the schema.
 */

/** All settings of a stack. Keys of the namespace "hashistack" in the stack's file. */
export interface Settings {
  /**
   * The cluster's name, first part of every machine's name in the cloud: lower-case letters, digits, single hyphens.
   * A living cluster keeps it. No default. Example: dev
   */
  readonly name: string;
  /** Where the machines are made. Default: { kind: local }. */
  readonly cloud: CloudSettings;
  /** The private networks of the cluster, which a living one keeps. */
  readonly network: NetworkSettings;
  /**
   * Networks whose hosts may use SSH and the Consul, Vault and Nomad APIs through support: CIDRs of either family,
   * never the whole internet. Default: the administrator's addresses of the local cloud, and none with another.
   * Example: ["203.0.113.7/32", "2001:db8:7::/64"]
   */
  readonly adminCidrs: readonly string[];
  /** Datacenter of Consul and Nomad, one DNS label; a living cluster keeps it. Default: dc1 */
  readonly datacenter: string;
  /** Region of Nomad, one DNS label; a living cluster keeps it. Default: global */
  readonly region: string;
  /** Versions of the programs on the machines; each has a default. Only versions that this library was tested with. */
  readonly versions: Versions;
  /** How one logs in to the machines. */
  readonly ssh: SshSettings;
  /**
   * The machines, by group: the name of the group, then what its machines are. No default. A machine's name is
   * `<group>-<key>`; it is kept while other machines come and go.
   * Example: { support: { roles: [support], keys: [a] } }
   */
  readonly groups: Readonly<Record<string, GroupSettings>>;
  /** How quickly the daemons notice failures, and how long certificates live. */
  readonly timing: TimingSettings;
  /** The website that shows the way from a visitor to a task. */
  readonly site: SiteSettings;
  /** Who is let in to what: an OpenID Connect provider knows visitors and their groups. Without it the site is open to all. */
  readonly auth?: AuthSettings;
  /** The domain whose records this stack writes. Without it no record is made. */
  readonly dns?: DnsSettings;
  /** Who signs the site's certificate, by ACME. Without it an authority of the cluster's own does, which no browser knows. */
  readonly acme?: AcmeSettings;
}

/** Where the machines are made: one form for each kind of cloud. */
export type CloudSettings = LocalCloudSettings | LinodeCloudSettings | OpenStackCloudSettings;

/** Machines inside one Linux host. */
export interface LocalCloudSettings {
  /** The kind of cloud: local means machines inside this Linux host. */
  readonly kind: "local";
  /** Whether the machines' image carries the daemons' programs. It must, for now. Default: true */
  readonly bake: boolean;
  /** The memory of one machine that Nomad gives to tasks, in MB (2^20 bytes), at least 256. Default: 1024 */
  readonly memoryMb: number;
}

/** Machines at Linode (Akamai). */
export interface LinodeCloudSettings {
  /** The kind of cloud: linode means instances at Linode; the API token is the provider's own (LINODE_TOKEN). */
  readonly kind: "linode";
  /** Where the machines stand; it must offer VPCs and placement groups, and metadata or StackScripts. No default. Example: nl-ams */
  readonly region: string;
  /** The image with packages and programs, one of your own. A new one is for machines made anew. No default. Example: private/12345678 */
  readonly image: string;
  /** The type of machines whose group names no size. Default: g6-standard-2 */
  readonly type: string;
  /**
   * How machines go out: public, each by a public address of its own, at which only the ways in are open; nat, those that
   * nobody outside reaches have none, and go out through support, by IPv4 alone. Holds for machines made from then on. Default: public
   */
  readonly egress: "public" | "nat";
  /**
   * How a new machine learns who may log in: metadata, by cloud-init, which region and image must have; stackscript, by a
   * script that Linode runs at the first boot. Default: metadata
   */
  readonly bootstrap: "metadata" | "stackscript";
  /** Whether Linode backs up, for a price, the disks of the machines that hold state: support and servers. Default: true */
  readonly backups: boolean;
  /** Whether support's machine and the network are guarded from being destroyed by an up or a destroy. Default: true */
  readonly protect: boolean;
}

/** Machines on an OpenStack of one's own or of one's campus. */
export interface OpenStackCloudSettings {
  /** The kind of cloud: openstack means instances of Nova; the credential is the provider's own (openstack:cloud and others). */
  readonly kind: "openstack";
  /**
   * The image with packages and programs: its id, or its name, of which the newest counts. A new one is for machines made
   * anew. No default. Example: hashistack
   */
  readonly image: string;
  /** The flavor of machines whose group names no size. Another one is for machines made anew. No default. Example: m1.medium */
  readonly size: string;
  /** Name of the network that leads out, and gives floating addresses. No default. Example: public */
  readonly externalNetwork: string;
  /** Id of a router that is joined to that network already. Default: one is made */
  readonly router?: string;
  /** Whether the cloud carries network.ipv6 to the internet and back, so that it is public. Default: false */
  readonly ipv6Routed: boolean;
  /** Id of the subnet pool from which network.ipv6 is taken, where the cloud asks for one. Default: none */
  readonly ipv6SubnetPool?: string;
  /** Addresses of the name servers that machines are told. Default: the cloud's own */
  readonly dnsServers?: readonly string[];
  /** Root disks in Cinder, for machines made from then on. Default: disks of the hosts */
  readonly rootVolume?: RootVolumeSettings;
  /** What a month costs, for the plan alone. Default: none, and the plan tells no cost */
  readonly prices?: PriceSettings;
  /** Whether support's machine and the private prefixes are guarded from being destroyed or replaced. Default: true */
  readonly protect: boolean;
}

/** Root disks in Cinder. */
export interface RootVolumeSettings {
  /** How large each is, in GiB, at least 10. No default. Example: 20 */
  readonly sizeGb: number;
  /** Cinder's type. Default: the cloud's own. Example: ssd */
  readonly type?: string;
  /** Whether all machines have one, and not only support and the servers, whose disks hold state. Default: false */
  readonly everywhere: boolean;
}

/** What the cloud's owner asks for a month, in one currency. */
export interface PriceSettings {
  /** Three letters. No default. Example: EUR */
  readonly currency: string;
  /** The price of each flavor, by its name. No default. Example: { m1.small: 8.5, m1.medium: 17 } */
  readonly sizes: Readonly<Record<string, number>>;
  /** The price of a GiB of a root disk in Cinder. Default: 0 */
  readonly volumeGb: number;
  /** The price of a floating address. Default: 0 */
  readonly floatingAddress: number;
  /** The day that the prices are of, in quotes. Default: none. Example: "2026-11-01" */
  readonly date?: string;
  /** Where they are from. Default: none. Example: price list of the computing centre */
  readonly source?: string;
}

/** The private networks. Every machine has an address in each. */
export interface NetworkSettings {
  /**
   * Private IPv4 network of all machines: room for twice the machines, since a replaced machine stands beside the new
   * one for a while. Default: 198.51.100.0/24, on a cloud 10.1.0.0/24
   */
  readonly ipv4: string;
  /** Private IPv6 network of all machines, from /32 to /64. Default: fd00:1ab::/64, on a cloud none, and at linode there can be none */
  readonly ipv6?: string;
  /** Which family the machines use among themselves: ipv4 or ipv6. Default: ipv6 where they have it */
  readonly family: "ipv4" | "ipv6";
}

/** How one logs in to the machines. */
export interface SshSettings {
  /** The one user that logs in, with sudo, never root; a living cluster keeps it. Default: ops */
  readonly user: string;
}

/** Machines that are alike. */
export interface GroupSettings {
  /**
   * What each machine of the group is. The three servers may share machines; support and nomad-client share with
   * nobody. Example: [consul-server, vault-server, nomad-server]
   */
  readonly roles: readonly Role[];
  /** One short name for each machine of the group. Example: [a, b, c] */
  readonly keys: readonly string[];
  /** Nomad's node class, for clients only; the class load-balancer carries the ingress. Default: general */
  readonly nodeClass?: string;
  /**
   * Whether the machines have public addresses: only support, which must, and load balancers.
   * Default: true for these, false for all others.
   */
  readonly public?: boolean;
  /** The cloud's own word for the size of a machine. Default: the cloud's. Example: g6-standard-2 */
  readonly size?: string;
}

/** How quickly the daemons notice failures, and how long certificates live. */
export interface TimingSettings {
  /** Consul's raft_multiplier, 1 to 10: higher bears slower machines and notices a lost leader later. Default: 1 */
  readonly consulRaftMultiplier: number;
  /** Nomad's raft_multiplier, 1 to 10. Default: 1 */
  readonly nomadRaftMultiplier: number;
  /** Vault's performance_multiplier, 1 to 10. Default: 1 */
  readonly vaultPerformanceMultiplier: number;
  /** Life of the machines' certificates in days, 1 to 365; they are renewed when a third is left. Default: 30 */
  readonly leafDays: number;
  /**
   * How long a new machine may take until its cloud calls it running, in minutes, 1 to 60; and about as long again until it
   * lets anybody in. Default: 15
   */
  readonly newMachineMinutes: number;
}

/** What sends visitors on. */
export type IngressKind = "fabio" | "traefik";

/** The website and its ingress. */
export interface SiteSettings {
  /** Whether the ingress and the website run at all. Default: true */
  readonly enabled: boolean;
  /** The site's host name. Default: www.dev.test, and none with another cloud than the local one */
  readonly domain: string;
  /** How many instances of the website run, 1 to 100. Default: 2 */
  readonly instances: number;
  /** The node class of the clients that run the website. Default: general */
  readonly nodeClass: string;
  /**
   * What runs on the load balancers and sends visitors on: fabio, or traefik, which verifies what it sends them to.
   * Default: fabio
   */
  readonly ingress: IngressKind;
}

/**
 * Visitors are let in by their groups, which an OpenID Connect provider tells, or by their roles in a guild of Discord. Needs
 * the ingress traefik.
 */
export interface AuthSettings {
  /** Who knows the visitors: oidc, any OpenID Connect provider, or discord, by roles in a guild. Default: oidc */
  readonly provider: "oidc" | "discord";
  /**
   * The provider, as its discovery document names it; https. Default: https://discord.com with discord, and none with oidc.
   * Example: https://id.example.org/realms/main
   */
  readonly issuer: string;
  /**
   * With discord, the id of the guild (which its pages call a server) whose roles count, in quotes. No default.
   * Example: "81384788765712384"
   */
  readonly guild?: string;
  /** Root certificate by which the provider is verified, PEM, where it is not a public one. Default: the public ones */
  readonly issuerCa?: string;
  /** As whom the provider knows the proxy. No default. Example: hashistack */
  readonly clientId: string;
  /** The client's secret at the provider; set it by pulumi config set --secret --path hashistack:auth.clientSecret. No default. */
  readonly clientSecret: string;
  /** The claim that lists a visitor's groups or roles. Default: groups, and always roles with discord */
  readonly groupsClaim: string;
  /** The claim that says who a visitor is; "sub" where the provider tells no e-mail address. Default: email, and sub with discord */
  readonly userClaim: string;
  /**
   * The scopes that are asked for. Default: [openid, email, profile], and [openid, identify, guilds.members.read] with discord.
   * Example: [openid, email, groups, offline_access]
   */
  readonly scopes: readonly string[];
  /** How long a visitor who stays away remains signed in, in hours, 1 to 720. Default: 8, and none with discord */
  readonly sessionHours?: number;
  /**
   * After how many minutes the provider is asked again whether a visitor is still one, 1 to 1440. With discord the visitor signs in
   * again then. Default: 10, and 60 with discord
   */
  readonly refreshMinutes: number;
  /**
   * Which groups, or with discord which ids of roles, are let in to which service. "website" is the site; a service of one's
   * own is closed by the tag traefik.http.routers.<its>.middlewares=auth-<name>@file. Default: {}, for a stack that closes its
   * dashboards alone.
   * Example: { website: [members, staff] }
   */
  readonly services: Readonly<Record<string, readonly string[]>>;
  /** Which groups are let in to the pages and APIs of Nomad, Consul and Vault. Default: none is published */
  readonly dashboards?: DashboardSettings;
}

/**
 * Who is let in at nomad., consul. and vault. before the site's domain, where their pages and APIs answer. What one may do
 * there, a token of the service's own says, as ever. A service that is not named is not published.
 */
export interface DashboardSettings {
  /** Groups that reach Nomad's. Example: [staff] */
  readonly nomad?: readonly string[];
  /** Groups that reach Consul's. Example: [staff] */
  readonly consul?: readonly string[];
  /** Groups that reach Vault's. Example: [staff] */
  readonly vault?: readonly string[];
}

/** The domain whose records this stack writes: A and AAAA of the load balancers, for the site's domain and all below it. */
export interface DnsSettings {
  /** The domain as its provider has it; it must be there already. The site's domain lies in it. No default. Example: example.org */
  readonly domain: string;
  /**
   * Whether this stack writes the records. Only one stack may: the one that visitors shall come to. Default: false, and no
   * record is made
   */
  readonly owned: boolean;
  /** Who serves the domain: linode, or openstack for its Designate; it need not be the machines' cloud. No default. */
  readonly provider: "linode" | "openstack";
  /**
   * How long others may remember an address, in seconds, 30 to 86400. Linode rounds it to one that it knows: 30, 120, 300,
   * 3600 and on. Default: 300
   */
  readonly ttl: number;
}

/** A public certificate for the site, got and renewed by a periodic job, proven by records in the domain (DNS-01). */
export interface AcmeSettings {
  /**
   * Which ACME server is asked: letsencrypt, letsencrypt-staging (whose certificates browsers refuse), the URL of a
   * directory, https, or local: Pebble, which the local cloud has of its own, with the domains. Default: letsencrypt
   */
  readonly directory: string;
  /** Root certificates, PEM, by which the directory, the DNS provider and the site are verified besides the public ones. Default: none */
  readonly ca?: string;
  /** Where the authority writes to when something is wrong. No default. Example: ops@example.org */
  readonly email: string;
  /** The certificate's names, wildcards among them. Default: the site's domain. Example: [example.org, "*.example.org"] */
  readonly domains?: readonly string[];
  /** The certificate's key: ec256, ec384, rsa2048 or rsa4096. Default: ec256 */
  readonly keyType: "ec256" | "ec384" | "rsa2048" | "rsa4096";
  /** How many days before its end a certificate is renewed, 1 to 60; never more than a third of its life. Default: 30 */
  readonly renewDays: number;
  /**
   * The name servers that are asked whether a record can be seen already, with or without a port. Default: those of the
   * domain, found by the machine's own. Example: ["192.0.2.53"]
   */
  readonly resolvers: readonly string[];
  /** Who serves the domains: linode, designate or rfc2136 (any server that takes updates). Default: the provider of dns, where it owns them */
  readonly provider?: "linode" | "designate" | "rfc2136";
  /** Where Linode's API answers, https, without the version. Default: at Linode */
  readonly api?: string;
  /** By what the records are written. Default: none, which only directory: local takes */
  readonly credential: AcmeCredential;
}

/** What proves to a DNS provider that records may be written; each provider has fields of its own. */
export interface AcmeCredential {
  /** linode: a token that may read and write domains, and nothing else; set it by pulumi config set --secret --path hashistack:acme.credential.token. */
  readonly token?: string;
  /** designate: where Keystone answers. Example: https://keystone.example.org:5000/v3 */
  readonly authUrl?: string;
  /** designate: the id of an application credential. */
  readonly id?: string;
  /** designate, rfc2136: the secret of the application credential, or of the TSIG key; set it by pulumi config set --secret --path. */
  readonly secret?: string;
  /** designate: the region. Default: the cloud's only one */
  readonly region?: string;
  /** rfc2136: the name server that takes updates, host:port. Example: ns1.example.org:53 */
  readonly server?: string;
  /** rfc2136: the name of the TSIG key. Example: acme. */
  readonly keyName?: string;
  /** rfc2136: hmac-sha256., hmac-sha384. or hmac-sha512. Default: hmac-sha256. */
  readonly algorithm?: string;
}
