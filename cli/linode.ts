/** The few calls of Linode's API by which what a cut run left there is found and deleted. */
import { setTimeout as sleep } from "node:timers/promises";
import { runPulumi } from "./engine";
import { CliError } from "./errors";
import { parseUrn } from "./events";
import {
  type Exported,
  knownOf,
  machineType,
  type PendingCreate,
  straysAmong,
  type Thing,
  unfinishedAmong,
  without,
} from "./strays";
import type { Workspace } from "./workspace";

/** The stack's configuration as `pulumi config --json --show-secrets` gives it. */
export type StackConfig = Readonly<Record<string, { readonly value?: string }>>;

interface Item {
  readonly id: number;
  readonly label?: string;
  readonly [key: string]: unknown;
}

const callSeconds = 30;
const goneSeconds = 300;

const kinds = {
  [machineType]: { what: "machine", path: "linode/instances" },
  "linode:index/placementGroup:PlacementGroup": { what: "placement group", path: "placement/groups" },
  "linode:index/firewall:Firewall": { what: "firewall", path: "networking/firewalls" },
  "linode:index/vpc:Vpc": { what: "VPC", path: "vpcs" },
  // The list is everybody's.
  "linode:index/stackScript:StackScript": { what: "StackScript", path: "linode/stackscripts", mine: true },
} as const satisfies Record<string, { what: string; path: string; mine?: true }>;

const subnetType = "linode:index/vpcSubnet:VpcSubnet";
const recordType = "linode:index/domainRecord:DomainRecord";

/** Of these nothing is left when it was swept: a create that was cut may be repeated. */
export const sweptTypes: readonly string[] = [...Object.keys(kinds), subnetType, recordType];

export class LinodeApi {
  private constructor(
    private readonly root: string,
    private readonly token: string,
  ) {}

  /**
   * By the stack's own settings of the provider, else by the environment's, as the provider itself reads them.
   * @throws CliError when there is no token
   */
  static from(config: StackConfig, env: NodeJS.ProcessEnv): LinodeApi {
    const setting = (key: string, variable: string): string | undefined =>
      config[`linode:${key}`]?.value || env[variable] || undefined;
    const token = setting("token", "LINODE_TOKEN");
    if (!token) {
      throw new CliError(
        "Linode cannot be asked what a cut run may have left there: set LINODE_TOKEN, or " +
          '"npx hashistack exec -- pulumi config set --secret linode:token <token>"',
      );
    }
    const url = setting("url", "LINODE_URL") ?? "https://api.linode.com";
    const version = setting("apiVersion", "LINODE_API_VERSION") ?? "v4";
    return new LinodeApi(`${url.replace(/\/+$/, "")}/${version}`, token);
  }

  /** All machines, and of other things the kinds whose making was cut; machines come first, and what they are in after them. */
  async things(pending: readonly PendingCreate[]): Promise<Thing[]> {
    const begun = new Set(pending.map(({ type }) => type));
    const found: Thing[] = [];
    for (const [type, { what, path, ...only }] of Object.entries(kinds)) {
      if (type !== machineType && !begun.has(type)) continue;
      for (const item of await this.list(path, "mine" in only ? { mine: true } : undefined)) {
        const id = String(item.id);
        const matches = { label: item.label };
        found.push({
          type,
          id,
          what: `${what} ${item.label}`,
          path: `${path}/${id}`,
          matches,
          used: isUsed(item),
        });
      }
    }
    for (const { inputs } of pending.filter(({ type }) => type === subnetType)) {
      const path = `vpcs/${inputs.vpcId}/subnets`;
      for (const item of await this.list(path))
        found.push(inside(subnetType, "subnet", path, item, { label: item.label }));
    }
    for (const { inputs } of pending.filter(({ type }) => type === recordType)) {
      const path = `domains/${inputs.domainId}/records`;
      for (const item of await this.list(path)) {
        const { name, type, target } = item;
        const what = `record ${String(name) || "@"} ${type} ${target}`;
        found.push(inside(recordType, what, path, item, { name, recordType: type, target }));
      }
    }
    return found;
  }

  /** Deletes a thing and returns when it is gone. */
  async remove({ path, what }: Pick<Thing, "path" | "what">): Promise<void> {
    await this.call("DELETE", path);
    const end = Date.now() + goneSeconds * 1000;
    while ((await this.call("GET", path)) !== undefined) {
      if (Date.now() > end)
        throw new CliError(`Linode: ${what} is still there ${goneSeconds} s after its deletion`);
      await sleep(1000);
    }
  }

  private async list(path: string, filter?: object): Promise<Item[]> {
    const found: Item[] = [];
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const answer = (await this.call("GET", `${path}?page=${page}&page_size=100`, filter)) as
        | { data: Item[]; pages: number }
        | undefined;
      found.push(...(answer?.data ?? []));
      pages = answer?.pages ?? 0;
    }
    return found;
  }

  /** The answer; undefined where there is no such thing. */
  private async call(method: "GET" | "DELETE", path: string, filter?: object): Promise<unknown> {
    const asked = `Linode, ${method} ${path.replace(/\?.*$/, "")}`;
    let response: Response;
    try {
      response = await fetch(`${this.root}/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.token}`,
          accept: "application/json",
          ...(filter ? { "X-Filter": JSON.stringify(filter) } : {}),
        },
        signal: AbortSignal.timeout(callSeconds * 1000),
      });
    } catch (error) {
      const { cause, message } = error as Error;
      throw new CliError(`${asked}: no answer (${(cause as Error | undefined)?.message ?? message})`);
    }
    if (response.status === 404) return undefined;
    const answer = (await response.json().catch(() => ({}))) as { errors?: { reason?: string }[] };
    if (response.ok) return answer;
    const why = answer.errors?.map(({ reason }) => reason).join("; ");
    throw new CliError(`${asked}: answered ${response.status}${why ? `, ${why}` : ""}`);
  }
}

function inside(
  type: string,
  what: string,
  path: string,
  item: Item,
  matches: Readonly<Record<string, unknown>>,
): Thing {
  const named = item.label === undefined ? what : `${what} ${item.label}`;
  return { type, id: String(item.id), what: named, path: `${path}/${item.id}`, matches, used: isUsed(item) };
}

/** Whether machines are in a group, behind a firewall, or in a network. */
function isUsed({ members, entities, linodes, subnets }: Item): boolean {
  const some = (list: unknown): boolean => Array.isArray(list) && list.length > 0;
  return some(members) || some(entities) || some(linodes) || some(subnets);
}

/**
 * Looks for what is left over at Linode and deletes it. Gives a line for each.
 * @param checkpoint the state's text, where it is at hand: most stacks are seen there to have nothing at Linode
 * @throws CliError where the cloud does not answer, or nothing allows to ask it
 */
export async function sweepLinode(
  workspace: Workspace,
  stack: string,
  checkpoint: string,
): Promise<string[]> {
  if (!checkpoint.includes('"linode:index/')) return [];
  const words = ["--non-interactive", "--stack", stack];
  const exported = await runPulumi(workspace, ["stack", "export", ...words]);
  const config = await runPulumi(workspace, ["config", "--json", "--show-secrets", "--stack", stack]);
  const api = LinodeApi.from(JSON.parse(config) as StackConfig, process.env);
  const state = JSON.parse(exported) as Exported;
  const said = await removeStrays(api, state);
  const { left, lines } = await removeUnfinished(api, state);
  if (left) await runPulumi(workspace, ["stack", "import", ...words], { input: JSON.stringify(left) });
  return [...said, ...lines];
}

/**
 * Deletes machines that never were enrolled: the next run makes them anew, since nothing else would ever mend one that failed
 * or is silent.
 * @returns the state without them, where there were any, and a line for each
 */
export async function removeUnfinished(
  api: LinodeApi,
  exported: Exported,
): Promise<{ left?: Exported; lines: string[] }> {
  const unfinished = unfinishedAmong(exported);
  const lines: string[] = [];
  for (const { id = "", urn } of unfinished) {
    const { name } = parseUrn(urn);
    await api.remove({ path: `${kinds[machineType].path}/${id}`, what: `machine ${name}` });
    lines.push(
      `Deleted machine ${name} at Linode: an earlier run had made it and never got in, so it is made anew.`,
    );
  }
  return { ...(unfinished.length > 0 ? { left: without(exported, unfinished) } : {}), lines };
}

/** Deletes what is left over by what the engine exports of a state. Gives a line for each. */
export async function removeStrays(api: LinodeApi, exported: Exported): Promise<string[]> {
  const known = knownOf(exported);
  const said: string[] = [];
  // A machine holds its place in a group and in a network: it goes before them.
  for (const stray of straysAmong(await api.things(known.pending), known)) {
    await api.remove(stray);
    said.push(
      `Deleted ${stray.what} at Linode: an earlier run had made it, and the state did not know of it.`,
    );
  }
  return said;
}
