import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener, type Server } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readAsset } from "../../../components/provisioning/assets";
import { Authority } from "../provisioning/authority";

/** Servers of Consul, Vault and Nomad as far as a rollout sees them, and the machines' side of its SSH. */

export const services = ["consul", "vault", "nomad"] as const;
export type ServiceName = (typeof services)[number];

/** One server of one service. */
interface Seat {
  healthy: boolean;
  /** Requests for its own state until it has caught up after a restart. */
  behind: number;
  /** Whether it is cut off: it hears no leader, which autopilot does not see. */
  cut: boolean;
  /** Whether it hears the leader and does not keep up, which autopilot does not see either. */
  slow: boolean;
  /** How many times more it takes itself for removed after it joined anew; Vault alone has this. */
  removed: number;
  /** Whether it is sealed until it joins anew, as one is that was really removed. */
  sealed: boolean;
}

/** What fakes/ssh.py tells. */
export interface Asked {
  options: Record<string, string>;
  others: string[];
  address: string;
  words: string[];
  key: { text: string; mode: number };
  knownHosts: { text: string; mode: number };
  folderMode: number;
  environment: string[];
}

export interface Ran {
  status: number;
  stdout: string;
  stderr: string;
}

type Answer = (status: number, body?: unknown) => unknown;

const committed = 100;
const serverName = "server.test";

export class RolloutCluster {
  readonly nodes: readonly string[];
  readonly seats = new Map<string, Seat>();
  readonly leaders: Record<ServiceName, string>;
  /** What waits, by node. */
  readonly pending: Record<string, string[]> = {};
  /** What happened, in order. */
  readonly events: string[] = [];
  /** Restarts that came while another server of the service was away. */
  readonly violations: string[] = [];
  readonly asked: Asked[] = [];
  /** Requests to the services. */
  requests = 0;
  /** "node unit" that never come back. */
  readonly broken = new Set<string>();
  /** "node unit" whose restart itself fails. */
  readonly stuck = new Set<string>();
  /** Nodes that do not answer SSH. */
  readonly silent = new Set<string>();
  /** Voters besides the expected ones. */
  readonly strangers: { name: string; healthy: boolean }[] = [];
  readonly run: string;
  private readonly folder = mkdtempSync(join(tmpdir(), "hashistack-rollout-"));
  private readonly servers: Server[] = [];
  private readonly ports = new Map<string, number>();
  private control = "";

  private constructor(size: number) {
    this.nodes = ["a", "b", "c", "d", "e"].slice(0, size).map((key) => `dev-control-${key}-1f`);
    const first = this.nodes[0] as string;
    this.leaders = { consul: first, vault: first, nomad: first };
    this.run = join(this.folder, "run");
  }

  static async start(size = 3): Promise<RolloutCluster> {
    const cluster = new RolloutCluster(size);
    const pair = cluster.authority.serverPair(serverName);
    for (const service of services) {
      for (const node of cluster.nodes) {
        cluster.seats.set(`${service} ${node}`, {
          ...{ healthy: true, behind: 0, cut: false, slow: false, removed: 0, sealed: false },
        });
        const server = createServer(pair, cluster.listener(service, node));
        cluster.ports.set(`${service} ${node}`, await cluster.listen(server));
      }
    }
    cluster.control = `http://127.0.0.1:${await cluster.listen(createHttpServer(cluster.machines()))}/`;
    mkdirSync(join(cluster.folder, "bin"));
    symlinkSync(join(__dirname, "fakes/ssh.py"), join(cluster.folder, "bin/ssh"));
    chmodSync(join(__dirname, "fakes/ssh.py"), 0o755);
    return cluster;
  }

  private made?: Authority;
  private get authority(): Authority {
    this.made ??= new Authority(join(this.folder, "ca"), "test");
    return this.made;
  }

  private async listen(server: Server): Promise<number> {
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  seat(service: ServiceName, node: string): Seat {
    return this.seats.get(`${service} ${node}`) as Seat;
  }

  /** The logical name of a node's machine. */
  machine(node: string): string {
    return node.slice("dev-".length, -"-1f".length);
  }

  private listener(service: ServiceName, node: string): RequestListener {
    return (request, response) => {
      this.requests += 1;
      const answer = (status: number, body: unknown) =>
        response.writeHead(status).end(body === undefined ? "" : JSON.stringify(body));
      const path = (request.url ?? "").split("?")[0] as string;
      const route = `${request.method} ${path}`;
      if (service === "vault") this.vault(route, node, answer);
      else this.raft(service, route, request.url ?? "", node, answer);
    };
  }

  private name(service: ServiceName, node: string): string {
    return service === "nomad" ? `${node}.global` : node;
  }

  private raft(service: ServiceName, route: string, url: string, node: string, answer: Answer): unknown {
    if (this.seat(service, node).cut && route !== "GET /v1/agent/self")
      return answer(500, "No cluster leader");
    const all = this.nodes.map((name) => ({
      ID: `id-${name}`,
      Name: this.name(service, name),
      Node: this.name(service, name),
      Leader: this.leaders[service] === name,
      Voter: true,
      Healthy: this.seat(service, name).healthy,
    }));
    const others = this.strangers.map(({ name, healthy }) => ({
      ...{ ID: name, Name: name, Node: name, Leader: false, Voter: true, Healthy: healthy },
    }));
    const everybody = [...all, ...others];
    switch (route) {
      case "GET /v1/operator/autopilot/health":
        return answer(everybody.every((server) => server.Healthy) ? 200 : 429, { Servers: everybody });
      case "GET /v1/operator/raft/configuration":
        return answer(200, { Servers: everybody });
      case "GET /v1/agent/self": {
        const behind = this.late(service, node);
        const { cut } = this.seat(service, node);
        const raft = {
          state: cut ? "Candidate" : this.leaders[service] === node ? "Leader" : "Follower",
          last_contact: behind > 1 ? "never" : "10ms",
          applied_index: String(behind > 0 ? committed - 1 : committed),
          commit_index: String(behind > 0 ? 0 : committed),
        };
        return answer(200, service === "nomad" ? { stats: { raft } } : { Stats: { raft } });
      }
      case "POST /v1/operator/raft/transfer-leader":
      case "POST /v1/operator/raft/transfer-leadership": {
        const to = new URLSearchParams(url.slice(url.indexOf("?"))).get("id")?.slice("id-".length) as string;
        this.events.push(`${service}: ${this.machine(to)} leads`);
        this.leaders[service] = to;
        return answer(200, {});
      }
      default:
        return answer(404, { errors: [route] });
    }
  }

  private vault(route: string, node: string, answer: Answer): unknown {
    switch (route) {
      case "POST /v1/auth/approle/login":
        return answer(200, { auth: { client_token: "a-token" } });
      case "GET /v1/sys/health": {
        const { behind, removed, sealed } = this.seat("vault", node);
        const status =
          behind > 0 || sealed ? 503 : removed > 0 ? 530 : this.leaders.vault === node ? 200 : 429;
        return answer(status, { removed_from_cluster: removed > 0 });
      }
      case "GET /v1/sys/leader": {
        if (this.seat("vault", node).sealed) return answer(503, { errors: ["Vault is sealed"] });
        const behind = this.late("vault", node);
        return answer(200, {
          is_self: this.leaders.vault === node,
          leader_address: behind > 1 ? "" : "https://leader",
          raft_applied_index: behind > 0 ? committed - 1 : committed,
          raft_committed_index: behind > 0 ? 0 : committed,
        });
      }
      case "GET /v1/sys/storage/raft/autopilot/state": {
        const known = this.nodes.filter((name) => !this.seat("vault", name).sealed);
        const states = known.map((name) => [name, { healthy: this.seat("vault", name).healthy }]);
        return answer(200, {
          data: { leader: this.leaders.vault, voters: known, servers: Object.fromEntries(states) },
        });
      }
      case "PUT /v1/sys/step-down": {
        const next = this.nodes.filter((name) => name !== node).at(-1) as string;
        this.events.push(`vault: ${this.machine(node)} steps down`);
        this.leaders.vault = next;
        return answer(204);
      }
      default:
        return answer(404, { errors: [route] });
    }
  }

  private late(service: ServiceName, node: string): number {
    const seat = this.seat(service, node);
    const behind = Math.max(seat.behind, seat.slow ? 1 : 0);
    if (Number.isFinite(seat.behind) && seat.behind > 0) seat.behind -= 1;
    return behind;
  }

  private machines(): RequestListener {
    return (request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        const asked = JSON.parse(text) as Asked;
        this.asked.push(asked);
        response.end(JSON.stringify(this.onMachine(asked)));
      });
    };
  }

  private onMachine(asked: Asked): Ran {
    const done = (status: number, stdout = "", stderr = ""): Ran => ({ status, stdout, stderr });
    const node = asked.options.HostKeyAlias as string;
    if (this.silent.has(node)) return done(255, "", "Connection refused");
    const [verb, unit = ""] = (asked.words[0] as string).split(" ");
    const waiting = this.pending[node] ?? [];
    if (verb === "pending") return done(0, JSON.stringify(waiting));
    if (verb === "log") return done(0, `last words of ${unit}\n`);
    if (verb === "rejoin" && unit === "vault.service") {
      const seat = this.seat("vault", node);
      if (seat.removed === 0) return done(3, "", "does not take itself for removed");
      seat.removed -= 1;
      return this.restart(node, unit) ? done(0) : done(1, "", `${unit} is failed\n`);
    }
    if (verb !== "restart") return done(2, "", "refused");
    if (!waiting.includes(unit)) return done(3, "", "does not wait");
    return this.restart(node, unit) ? done(0) : done(1, "", `${unit} is failed\nno such option\n`);
  }

  private restart(node: string, unit: string): boolean {
    const service = unit.split(".")[0] as ServiceName;
    this.events.push(`${this.machine(node)} ${unit}`);
    if (this.stuck.has(`${node} ${unit}`)) return false;
    for (const other of this.nodes) {
      const seat = this.seat(service, other);
      if (other !== node && (!seat.healthy || seat.behind > 0 || seat.cut || seat.slow))
        this.violations.push(`${node} ${unit}`);
    }
    if (this.leaders[service] === node && this.nodes.length > 1) this.violations.push(`${node} led`);
    this.pending[node] = (this.pending[node] ?? []).filter((waiting) => waiting !== unit);
    // Autopilot does not notice: the server alone shows that it is not back yet.
    const seat = this.seat(service, node);
    seat.behind = this.broken.has(`${node} ${unit}`) ? Number.POSITIVE_INFINITY : 4;
    Object.assign(seat, { healthy: true, cut: false, slow: false, sealed: false });
    return true;
  }

  /** What the program is told. `marked` is what the set-ups answered; by default what waits. */
  input(marked: Record<string, string[]> = this.pending, waitSeconds = 20): object {
    const access = (service: ServiceName) => ({
      addresses: this.nodes.map((node) => this.at(service, node)),
      caPem: this.authority.rootPem,
      serverName,
      token: "a-token",
    });
    return {
      servers: this.nodes.map((node, n) => ({
        machine: this.machine(node),
        node,
        address: `fd00:1ab::${n + 10}`,
        hostKey: `ssh-ed25519 host-${node}`,
        roles: services.map((service) => `${service}-server`),
        pending: marked[node] ?? [],
        apis: Object.fromEntries(services.map((service) => [service, this.at(service, node)])),
      })),
      ...Object.fromEntries(services.map((service) => [service, access(service)])),
      vaultLogin: { path: "approle", roleId: "r", secretId: "s" },
      region: "global",
      user: "ops",
      privateKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nthe-key\n-----END OPENSSH PRIVATE KEY-----",
      waitSeconds,
    };
  }

  private at(service: ServiceName, node: string): string {
    return `127.0.0.1:${this.ports.get(`${service} ${node}`)}`;
  }

  /** Runs the program as `supportProgram` does. */
  rollOut(input: object = this.input(), verb: "create" | "repair" = "create"): Promise<Ran> {
    const read = (path: string) => readAsset(`${path}.py`);
    const modules = {
      cluster_api: `${read("bootstrap/machine/cluster_api")}\nPOLL_SECONDS = 0.01\n`,
      quorum: read("bootstrap/machine/quorum"),
      rollout: `${read("bootstrap/machine/rollout")}\nRUN = ${JSON.stringify(this.run)}\n`,
    };
    const loader = read("provisioning/machine/loader");
    const bundle = { loader, machine: "support-a", program: "rollout", modules, timeoutSeconds: 60, input };
    const entry = "import sys,json;bundle=json.load(sys.stdin);exec(bundle['loader'])";
    const env = { PATH: `${join(this.folder, "bin")}:${process.env.PATH}`, FAKE_SSH: this.control };
    return new Promise((resolve, reject) => {
      const child = spawn("python3", ["-I", "-c", entry, verb], { env, stdio: "pipe" });
      const ran: Ran = { status: -1, stdout: "", stderr: "" };
      child.stdout.on("data", (part) => {
        ran.stdout += part;
      });
      child.stderr.on("data", (part) => {
        ran.stderr += part;
      });
      child.stdin.end(JSON.stringify(bundle));
      child.on("error", reject);
      child.on("close", (code) => resolve({ ...ran, status: code ?? -1 }));
    });
  }

  end(): void {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
