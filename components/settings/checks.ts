import { hostIn } from "../dns/dns";
import { loadBalancerClass, type Role, roles, type Versions } from "../topology/model";
import { mayBePublic, nodeClassOf } from "../topology/topology";
import { checkAcme } from "./acme";
import { checkAuth } from "./auth";
import { checkLinode } from "./linode";
import type { CloudSettings, GroupSettings, Settings } from "./model";
import { checkNetworks } from "./networks";
import { checkOpenStack } from "./openstack";
import { listed, type Report, shown } from "./problems";
import { supportedVersions } from "./versions";

/**
 * What needs more than one value, or the world outside, to judge. A setting that is wrong in itself is undefined here,
 * and what depends on it is left out: it was reported already.
 */
export function checkSettings(settings: Partial<Settings>, report: Report): void {
  checkVersions(settings.versions, report);
  checkNames(settings, report);
  checkNetworks(settings, report);
  if (settings.cloud) checkCloud(settings.cloud, settings, report);
  checkDns(settings, report);
  checkAuth(settings, report);
  checkAcme(settings, report);
  if (settings.groups) {
    checkGroups(settings.groups, report);
    checkServers(settings.groups, report);
    checkMachineNames(settings.groups, settings.name, report);
    checkClasses(settings.groups, settings.site, report);
  }
}

/** What each kind of cloud asks of the settings. */
function checkCloud(cloud: CloudSettings, settings: Partial<Settings>, report: Report): void {
  switch (cloud.kind) {
    case "local":
      if (!cloud.bake) {
        report(["cloud", "bake"], "must be true for now: the machines' programs come with their image");
      }
      break;
    case "linode":
      checkLinode(cloud, settings, report);
      break;
    case "openstack":
      checkOpenStack(cloud, settings, report);
      break;
    default:
      cloud satisfies never;
  }
}

function checkVersions(versions: Versions | undefined, report: Report): void {
  for (const [program, version] of Object.entries(versions ?? {}) as [keyof Versions, string][]) {
    const supported = supportedVersions[program];
    if (!supported.includes(version)) {
      report(["versions", program], `${shown(version)} is not supported; supported: ${listed(supported)}`);
    }
  }
}

/** Words that Consul's DNS gives a meaning of its own in the datacenter's place. */
const consulDnsWords = ["addr", "connect", "ingress", "node", "ns", "peer", "query", "service", "virtual"];

/** X.509 allows a common name of 64 characters, and "server.<datacenter>.consul" must fit. */
const commonNameLimit = 64;

/** Users that a machine has already, or that the daemons run as. */
const takenUsers = ["root", "consul", "vault", "nomad", "nobody", "daemon", "bin", "sys", "sshd", "www-data"];

function checkNames(settings: Partial<Settings>, report: Report): void {
  const { datacenter, region } = settings;
  if (datacenter !== undefined) {
    if (consulDnsWords.includes(datacenter)) {
      report(["datacenter"], `"${datacenter}" has a meaning of its own in Consul's DNS; choose another name`);
    }
    checkCommonName(["datacenter"], `server.${datacenter}.consul`, report);
  }
  if (region !== undefined) checkCommonName(["region"], `server.${region}.nomad`, report);
  if (settings.name !== undefined) checkCommonName(["name"], `support.${settings.name}.internal`, report);
  if (settings.ssh && takenUsers.includes(settings.ssh.user)) {
    report(["ssh", "user"], `must be a user of its own, not the machine's "${settings.ssh.user}"`);
  }
  const domain = settings.site?.domain;
  for (const reserved of [".consul", ".internal", ".localhost"]) {
    if (domain?.endsWith(reserved)) {
      report(
        ["site", "domain"],
        `must not end in "${reserved}", which the machines resolve among themselves`,
      );
    }
  }
}

function checkCommonName(path: string[], name: string, report: Report): void {
  if (name.length > commonNameLimit) {
    const tooMuch = name.length - commonNameLimit;
    report(
      path,
      `is too long by ${tooMuch} for a certificate's name, "${name}" (${commonNameLimit} at most)`,
    );
  }
}

/** A stack writes only what is its own, and only addresses that visitors can reach. */
function checkDns({ dns, site, cloud }: Partial<Settings>, report: Report): void {
  if (!dns?.owned) return;
  if (site?.enabled && hostIn(site.domain, dns.domain) === undefined) {
    report(
      ["site", "domain"],
      `must lie in dns.domain, "${dns.domain}", which this stack owns, not "${site.domain}"`,
    );
  }
  if (cloud?.kind === "local") {
    report(
      ["dns", "owned"],
      "must be false: the local cloud's addresses are reached from its own host alone",
    );
  }
}

const servers: readonly Role[] = ["consul-server", "vault-server", "nomad-server"];

function checkGroups(groups: Settings["groups"], report: Report): void {
  for (const [name, group] of Object.entries(groups)) {
    const at = ["groups", name];
    checkRoles(group, (message) => report([...at, "roles"], message));
    for (const [what, words] of [
      ["roles", group.roles],
      ["keys", group.keys],
    ] as const) {
      for (const word of repeated(words)) report([...at, what], `names "${word}" more than once`);
    }
    if (group.nodeClass !== undefined && !group.roles.includes("nomad-client")) {
      report([...at, "nodeClass"], "is for clients of Nomad; the group has no role nomad-client");
    }
    if (group.public === true && !mayBePublic(group)) {
      report(
        [...at, "public"],
        `must be false: only support and clients of the class ${loadBalancerClass} are reached from outside`,
      );
    }
    if (group.public === false && group.roles.includes("support")) {
      report([...at, "public"], "must be true: administrators reach the cluster through support");
    }
  }
}

function checkRoles(group: GroupSettings, report: (message: string) => void): void {
  const has = new Set(group.roles);
  const others = (role: Role) => roles.filter((other) => other !== role && has.has(other));
  if (has.has("support") && has.size > 1) {
    report(
      `support clashes with ${listed(others("support"))}: it holds what all others trust, and stands alone`,
    );
  }
  const shared = has.has("nomad-client") ? servers.filter((role) => has.has(role)) : [];
  if (shared.length > 0) {
    report(`nomad-client clashes with ${listed(shared)}: tasks would run beside the servers' keys and data`);
  }
}

function repeated(words: readonly string[]): string[] {
  return [...new Set(words.filter((word, i) => words.indexOf(word) !== i))];
}

/** The most voters that HashiCorp advises, for each of the three. */
const maxServers = 7;

function checkServers(groups: Settings["groups"], report: Report): void {
  for (const role of servers) {
    const { count, paths } = machinesWith(groups, role);
    if (count === 0) report(["groups"], `name no machine with the role ${role}`);
    const where = paths.length === 1 && paths[0] ? paths[0] : ["groups"];
    if (count % 2 === 0 && count > 0) {
      report(where, `make ${count} machines with the role ${role}; a quorum needs an odd number of servers`);
    }
    if (count > maxServers) {
      report(
        where,
        `make ${count} machines with the role ${role}; more than ${maxServers} make a quorum slower, not safer`,
      );
    }
  }
  const support = machinesWith(groups, "support");
  if (support.count === 0) report(["groups"], "name no machine with the role support");
  if (support.count > 1) {
    const where = support.paths.length === 1 && support.paths[0] ? support.paths[0] : ["groups"];
    report(where, `make ${support.count} machines with the role support; there is exactly one`);
  }
}

function machinesWith(groups: Settings["groups"], role: Role): { count: number; paths: string[][] } {
  const having = Object.entries(groups).filter(([, group]) => group.roles.includes(role));
  return {
    count: having.reduce((sum, [, group]) => sum + group.keys.length, 0),
    paths: having.map(([name]) => ["groups", name, "keys"]),
  };
}

/** The shortest limit among the clouds for a machine's name. */
const cloudNameLimit = 50;
const suffixLength = "-12345678".length;

function checkMachineNames(groups: Settings["groups"], cluster: string | undefined, report: Report): void {
  const seen = new Map<string, string>();
  for (const [group, { keys }] of Object.entries(groups)) {
    for (const [index, key] of keys.entries()) {
      const name = `${group}-${key}`;
      const at = ["groups", group, "keys", index];
      const first = seen.get(name);
      if (first !== undefined && first !== group) {
        report(at, `makes a second machine "${name}"; the first is of the group ${first}`);
      }
      if (first === undefined) seen.set(name, group);
      const length = `${cluster ?? "x"}-${name}`.length + suffixLength;
      if (length > cloudNameLimit) {
        const parts = `the cluster's, the group's and the machine's name with a suffix of ${suffixLength}`;
        report(
          at,
          `makes a machine's name of ${length} characters (${parts}); clouds allow ${cloudNameLimit}`,
        );
      }
    }
  }
}

function checkClasses(groups: Settings["groups"], site: Settings["site"] | undefined, report: Report): void {
  const classes = [...new Set(Object.values(groups).map(nodeClassOf))].filter((name) => name !== undefined);
  if (!site?.enabled) return;
  const known = classes.length > 0 ? `classes of clients: ${listed(classes)}` : "there are no clients";
  if (!classes.includes(site.nodeClass)) {
    report(["site", "nodeClass"], `no client has the class "${site.nodeClass}"; ${known}`);
  }
  if (!classes.includes(loadBalancerClass)) {
    report(
      ["groups"],
      `name no client of the class "${loadBalancerClass}", which the site's ingress needs; ${known}`,
    );
  }
}
