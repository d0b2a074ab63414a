/** The cluster on which drills are done, and what can be done to its machines. */
import { type Call, requestJson } from "../../cli/http";
import type { Outputs } from "../../cli/outputs";
import { observe, type RaftPeer } from "../../cli/status/observe";
import { vaultLogin } from "../../cli/toolEnv";
import { indexOfHost } from "../../lab/machines/addresses";
import { machineLink } from "../../lab/machines/names";
import { BenchError } from "../errors";
import type { Lab } from "../lab";
import { run, until } from "../run";

export type Service = "consul" | "vault" | "nomad";
export const services: readonly Service[] = ["consul", "vault", "nomad"];

export class Ground {
  /**
   * @param lab of its machines
   * @param outputs of its stack
   * @param signal ends what is under way
   */
  constructor(
    readonly lab: Lab,
    readonly outputs: Outputs,
    readonly signal?: AbortSignal,
  ) {}

  /** Machines by their logical names, those with this role first to last. Example: machines("nomad-client"). */
  machines(role?: string): string[] {
    return Object.entries(this.outputs.machines)
      .filter(([, { roles }]) => role === undefined || roles.includes(role))
      .map(([name]) => name)
      .sort();
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

  /** A machine on which a job runs. */
  async hostOf(namespace: string, job: string): Promise<string> {
    const allocations = await this.ask<{ NodeName: string; ClientStatus: string }[]>(
      "nomad",
      `/v1/job/${job}/allocations?namespace=${namespace}`,
    );
    const found = allocations.find(({ ClientStatus }) => ClientStatus === "running");
    if (!found) throw new BenchError(`no instance of ${namespace}/${job} runs`);
    return this.nameOf(found.NodeName);
  }
}
