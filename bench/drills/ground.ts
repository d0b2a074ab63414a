/** The cluster on which drills are done, and what can be done to its machines. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { readOutputs } from "../../cli/engine";
import { type Call, requestJson } from "../../cli/http";
import { type Outputs, parseOutputs } from "../../cli/outputs";
import { observe, type RaftPeer } from "../../cli/status/observe";
import { vaultLogin } from "../../cli/toolEnv";
import { indexOfHost } from "../../lab/machines/addresses";
import { machineLink } from "../../lab/machines/names";
import { BenchError } from "../errors";
import { checkout, type Lab } from "../lab";
import { editSettings, type Project, type StackConfig, stack } from "../project";
import { run, until } from "../run";

export type Service = "consul" | "vault" | "nomad";
export const services: readonly Service[] = ["consul", "vault", "nomad"];
/** Their names, for people. */
export const titles: Readonly<Record<Service, string>> = { consul: "Consul", vault: "Vault", nomad: "Nomad" };

/** Who must know of machines that come and go: the load. */
export interface Followers {
  /** The public addresses of each load balancer that answers now, as a name in DNS would give them. */
  readonly balancers: (addresses: readonly (readonly string[])[]) => void;
  /** A machine is about to be made anew. */
  readonly leaving: (machine: string) => Promise<void>;
}

/** How long a command of hashistack may take. */
const commandLimitSeconds = 840;

/** A cluster, what is known of it now, and what can be done to it. */
export class Ground {
  private now: Outputs;
  followers?: Followers;

  /**
   * @param lab of its machines
   * @param outputs of its stack
   * @param signal ends what is under way
   * @param project of its stack, for drills that change it
   */
  constructor(
    readonly lab: Lab,
    outputs: Outputs,
    readonly signal?: AbortSignal,
    private readonly project?: Pick<Project, "workspace" | "env">,
  ) {
    this.now = outputs;
  }

  /** The stack's outputs, as they were after the last command. */
  get outputs(): Outputs {
    return this.now;
  }

  /** `hashistack …` on the stack, while those who follow its load balancers are told where they are. */
  async hashistack(...words: string[]): Promise<void> {
    const { workspace, env } = this.own();
    const program = join(checkout(), "cli/bin/hashistack.js");
    const done = new AbortController();
    const followed = this.follow(done.signal);
    // It is waited for at the end: until then nobody hears that the lab did not answer.
    followed.catch(() => undefined);
    try {
      await run([process.execPath, program, ...words, "--json"], {
        what: `hashistack ${words.join(" ")}`,
        cwd: workspace.root,
        env,
        signal: this.signal,
        timeoutSeconds: commandLimitSeconds,
      });
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      throw new BenchError(lastWords(error.message));
    } finally {
      done.abort();
      await followed;
    }
    this.now = parseOutputs(await readOutputs(workspace, stack, env), stack);
  }

  /** A machine by a new one. */
  async replace(machine: string): Promise<void> {
    await this.followers?.leaving(machine);
    await this.hashistack("replace", machine);
  }

  /** Gives a group of machines these keys. */
  regroup(group: string, keys: readonly string[]): void {
    this.configure((config) => {
      const found = config["hashistack:groups"][group];
      if (!found) throw new BenchError(`the stack has no group ${group}`);
      found.keys = [...keys];
    });
  }

  /** Changes the stack's settings as a user's editor does. */
  configure(change: (config: StackConfig) => void): void {
    editSettings(this.own().workspace.root, change);
  }

  private own(): Pick<Project, "workspace" | "env"> {
    if (!this.project) throw new BenchError("this drill needs the stack's project");
    return this.project;
  }

  /** Tells the followers, every two seconds, until it is over, and then once more. */
  private async follow(over: AbortSignal): Promise<void> {
    let last = "";
    for (let more = true; more; ) {
      more = !over.aborted;
      const addresses = await this.balancers();
      // A name without an address helps nobody: DNS goes on giving the last ones.
      if (addresses.length > 0 && JSON.stringify(addresses) !== last) this.followers?.balancers(addresses);
      last = JSON.stringify(addresses);
      if (more) await sleep(2000, undefined, { signal: over }).catch(() => undefined);
    }
  }

  /** Public addresses of the load balancers that answer now, of those that leave and those that come too. */
  private async balancers(): Promise<string[][]> {
    const group = /-edge-/;
    const machines = JSON.parse(await run(this.lab.argv("list"), { what: "the lab's machines" })) as {
      name: string;
      publicIpv4?: string;
      publicIpv6?: string;
      forwardAddress?: string;
    }[];
    const edges = machines.filter(({ name }) => group.test(name));
    const well = await Promise.all(edges.map(({ forwardAddress }) => answers(forwardAddress ?? "")));
    return edges
      .filter((_, index) => well[index])
      .map(({ publicIpv6, publicIpv4 }) => [publicIpv6, publicIpv4].filter((one) => one !== undefined));
  }

  /** Machines by their logical names, those with this role first to last. Example: machines("nomad-client"). */
  machines(role?: string): string[] {
    return Object.entries(this.outputs.machines)
      .filter(([, { roles }]) => role === undefined || roles.includes(role))
      .map(([name]) => name)
      .sort();
  }

  /** The first machine of a group. Example: first("edge"). */
  first(group: string): string {
    const found = this.machines().find((name) => name.startsWith(`${group}-`));
    if (!found) throw new BenchError(`the stack has no machine of the group ${group}`);
    return found;
  }

  /** The machine's name in the lab. */
  id(machine: string): string {
    const found = this.outputs.machines[machine];
    if (!found) throw new BenchError(`the stack has no machine ${machine}`);
    return found.id;
  }

  /** The logical name of what a daemon calls by the machine's name in the lab, or that with a region behind it. */
  nameOf(id: string): string {
    const plain = id.replace(/\..*$/, "");
    const found = Object.entries(this.outputs.machines).find(([, machine]) => machine.id === plain);
    if (!found) throw new BenchError(`the stack has no machine that is called ${id}`);
    return found[0];
  }

  /** Runs a program of the machine's own, as its root. Gives its output. */
  inside(machine: string, ...argv: string[]): Promise<string> {
    return run(this.lab.argv("exec", "--inside", this.id(machine), "--", ...argv), {
      what: `${argv.slice(0, 2).join(" ")} on ${machine}`,
      signal: this.signal,
    });
  }

  /** Halts, starts, reboots or cuts the power of a machine, by the lab's program. */
  async power(verb: "start" | "stop" | "reboot" | "kill", machine: string): Promise<void> {
    await run(this.lab.argv(verb, this.id(machine)), {
      what: `${verb} of ${machine}`,
      signal: this.signal,
      timeoutSeconds: 180,
    });
  }

  /** Pulls or plugs a machine's cable at the other end: the machine does not see it, nothing passes any more. */
  async cable(machine: string, way: "pull" | "plug"): Promise<void> {
    const host = Number(this.outputs.machines[machine]?.privateIpv4?.split(".").at(-1));
    const link = machineLink(indexOfHost(host));
    const to = way === "pull" ? ["nomaster"] : ["master", "lab0", "up"];
    await run(this.lab.argv("exec", "router", "--", "ip", "link", "set", link, ...to), {
      what: `to ${way} the cable of ${machine}`,
      signal: this.signal,
    });
  }

  /** JSON of an API, the way of an administrator, with his token unless another is given. Rejects with a sentence. */
  async ask<T>(
    service: Service,
    path: string,
    { token, ...options }: Pick<Call, "method" | "body" | "accept"> & { token?: string } = {},
  ): Promise<T> {
    const { address, serverName } = this.outputs.apis[service];
    const tokens = {
      consul: async () => this.outputs.consulToken,
      nomad: async () => this.outputs.nomadToken,
      vault: () => vaultLogin(this.outputs),
    };
    return (await requestJson({
      url: `${address}${path}`,
      serverName,
      ca: this.outputs.ca[service] ?? "",
      headers: {
        [`X-${service[0]?.toUpperCase()}${service.slice(1)}-Token`]: token ?? (await tokens[service]()),
      },
      what: `${service} ${path.replace(/\?.*$/, "")}`,
      ...options,
    })) as T;
  }

  /** The same, tried again for 30 s: for what is asked when the cluster has only just become healthy. */
  patiently<T>(...[service, path, options]: Parameters<Ground["ask"]>): Promise<T> {
    return until(`an answer to ${service} ${path}`, 30, () => this.ask<T>(service, path, options), {
      everyMs: 500,
      signal: this.signal,
    });
  }

  /** The machine that leads each service now. Rejects when one has no leader. */
  async leaders(): Promise<Record<Service, string>> {
    const seen = await observe(this.outputs);
    const leader = (service: Service): string => {
      const look = seen[service];
      if ("why" in look) throw new BenchError(look.why);
      const peers: readonly RaftPeer[] = look.value.peers;
      const found = peers.find((peer) => peer.leader);
      if (!found) throw new BenchError(`${service} has no leader`);
      return this.nameOf(found.name);
    };
    return { consul: leader("consul"), vault: leader("vault"), nomad: leader("nomad") };
  }

  /** A server of the service that does not lead it. */
  async follower(service: Service): Promise<string> {
    const leader = (await this.leaders())[service];
    const found = this.machines(`${service}-server`).find((name) => name !== leader);
    if (!found) throw new BenchError(`${service} has one server alone, and so no follower`);
    return found;
  }

  /** Kills a unit's main process and waits until systemd has started another. */
  async killUnit(machine: string, unit: string): Promise<void> {
    const pid = async (): Promise<string> =>
      (await this.inside(machine, "systemctl", "show", "--property=MainPID", "--value", unit)).trim();
    const before = await pid();
    if (before === "0") throw new BenchError(`${unit} does not run on ${machine}`);
    await this.inside(machine, "systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", unit);
    await until(
      `another process of ${unit} on ${machine}`,
      30,
      async () => (["0", before].includes(await pid()) ? undefined : true),
      { signal: this.signal },
    );
  }

  /** Kills a task's process on a machine, by the name of its program. */
  async killTask(machine: string, program: string): Promise<void> {
    const pids = (await this.inside(machine, "pgrep", "--exact", program)).trim().split("\n");
    await this.inside(machine, "kill", "-KILL", pids[0] ?? "");
  }

  /** A machine on which a job of one task runs, and the task's name. */
  async instanceOf(namespace: string, job: string): Promise<{ machine: string; task: string }> {
    const allocations = await this.ask<
      { NodeName: string; ClientStatus: string; TaskStates: Record<string, unknown> | null }[]
    >("nomad", `/v1/job/${job}/allocations?namespace=${namespace}`);
    const found = allocations.find(({ ClientStatus }) => ClientStatus === "running");
    if (!found) throw new BenchError(`no instance of ${namespace}/${job} runs`);
    const [task = job] = Object.keys(found.TaskStates ?? {});
    return { machine: this.nameOf(found.NodeName), task };
  }
}

/** A failed command's words without its progress, in one line. */
function lastWords(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  return lines
    .filter((line) => line && !/^(\d+ min )?\d+ s /.test(line))
    .join(" ")
    .replace(/\.$/, "");
}

/** Whether somebody shakes hands there. Who it is, the visitors will see. */
function answers(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 443, rejectUnauthorized: false, timeout: 1500 });
    const end = (well: boolean) => () => {
      socket.destroy();
      resolve(well);
    };
    socket
      .on("secureConnect", end(true))
      .on("error", end(false))
      .on("timeout", end(false))
      .on("close", end(false));
  });
}
