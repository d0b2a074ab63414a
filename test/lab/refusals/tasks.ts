import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../bench/run";
import { closedToTasks, metadataAddresses } from "../../../components/roles/task-filter";
import type { Role } from "../../../components/topology/model";
import { portNumbers } from "../../../components/topology/ports";
import { hostAddress, outsideGateway } from "../../../lab/machines/addresses";
import { type Trial, until } from "../support/trial";
import { isOpen, kindOf, opened } from "./exposure";
import { forgetMetadata, inRouter, metadataService } from "./metadata";
import { type Allocation, driversOf, inner, job, probeJob, type Way, ways } from "./probe-job";

/** Something that is tried as a task: see as_task.py. */
type Try =
  | { kind: "tcp"; host: string; port: number }
  | {
      kind: "request";
      path: string;
      host?: string;
      port?: number;
      /** A socket in its root. */
      unix?: string;
      tls?: boolean;
      headers?: Record<string, string>;
      /** Headers whose value is in a file, or in the task's environment ("$NAME"). */
      tokens?: Record<string, string>;
    }
  | { kind: "read" | "write"; path: string }
  | { kind: "act"; what: string }
  | { kind: "sockets" | "processes" };

/** What a filter of the machine's own answers to its tasks: the kernel has no word for "by an administrator". */
const refusedByOwn = ["EHOSTUNREACH", "EACCES", "EPERM", "ECONNREFUSED"];

/** What a task cannot do and reach. Each refusal has beside it the like that it can, or another who can. */
export function taskRefusals(trial: Trial): void {
  const machine = "client-a";

  const asTask = <T = unknown>(tries: readonly Try[], task = "host", of = job, on = machine): Promise<T[]> =>
    trial.python<T[]>(on, "refusals/as_task.py", { job: of, task, tries });
  const inAWord = async (way: Way, tries: readonly Try[]) => asTask<string | number>(tries, way);
  const files = async (kind: "read" | "write", paths: readonly string[]) => {
    const came = await inAWord(
      "host",
      paths.map((path) => ({ kind, path })),
    );
    return Object.fromEntries(paths.map((path, index) => [path, came[index]]));
  };
  const call = async (
    service: "nomad" | "vault",
    method: string,
    path: string,
    body?: object,
  ): Promise<void> => {
    const { status, body: said } = await trial.api(service, path, { method, body });
    if (status === undefined || status >= 300) throw new Error(`${method} ${path}: ${status} ${said}`);
  };

  describe("to a task", () => {
    let clouds: ChildProcess | undefined;

    beforeAll(async () => {
      const { Job } = { Job: await probeJob(trial, machine) };
      await call("vault", "POST", `/v1/secret/data/default/${job}`, { data: { text: "its own" } });
      for (const [namespace, id] of [
        ["default", job],
        ["website", "website"],
      ]) {
        const path = `nomad/jobs/${id}`;
        const variable = { Namespace: namespace, Path: path, Items: { text: "of a job" } };
        await call("nomad", "PUT", `/v1/var/${path}?namespace=${namespace}`, variable);
      }
      await call("nomad", "POST", "/v1/jobs", { Job });
      await until("the tests' own job to run", 120, async () => {
        const { Summary } = await trial.ask<{ Summary: Record<string, { Running: number }> }>(
          "nomad",
          `/v1/job/${job}/summary`,
        );
        return ways.every((way) => Summary[way]?.Running === 1) || undefined;
      });
      clouds = await metadataService(trial);
    });
    afterAll(async () => {
      clouds?.stdin?.end();
      await forgetMetadata(trial);
      await call("nomad", "DELETE", `/v1/job/${job}?purge=true`);
      await call("nomad", "DELETE", `/v1/var/nomad/jobs/${job}?namespace=default`);
      await call("nomad", "DELETE", "/v1/var/nomad/jobs/website?namespace=website");
      await call("vault", "DELETE", `/v1/secret/metadata/default/${job}`);
    });

    it("the cloud's metadata is closed, and open to the machine's root", async () => {
      const all = [
        ...metadataAddresses.ipv4,
        ...metadataAddresses.ipv6.filter((one) => !one.startsWith("fe80")),
      ];
      const knocks = all.map((host) => ({ kind: "tcp", host, port: 80 }) as const);
      expect(await trial.knock(machine, knocks)).toEqual(all.map(() => "open"));
      for (const came of await inAWord("host", knocks)) expect(refusedByOwn).toContain(came);
    });

    it("a network of its own leads nowhere, neither to machines nor to the metadata", async () => {
      const names = ["support-a", "control-a", "edge-a", machine];
      const hosts = await Promise.all(names.map(async (name) => (await trial.machine(name)).privateIpv4));
      const ports = [
        22,
        portNumbers.vaultApi,
        portNumbers.nomadApi,
        portNumbers.consulApi,
        portNumbers.artifacts,
      ];
      const metadata = metadataAddresses.ipv4.map((host) => ({ host: host as string, port: 80 }));
      const tries = metadata.concat(hosts.flatMap((host) => ports.map((port) => ({ host, port }))));
      const came = await inAWord(
        "bridge",
        tries.map((one) => ({ kind: "tcp", ...one })),
      );
      const open = tries.filter((_, index) => ![...refusedByOwn, "silent"].includes(String(came[index])));
      expect(open).toEqual([]);
      // It is asked in the right network: there its own port is open, and in the machine's it is not.
      const own: Try = { kind: "tcp", host: "127.0.0.1", port: inner };
      expect(await inAWord("bridge", [own])).toEqual(["open"]);
    });

    it("machines have open what tasks use, and nothing of what their machine's own daemons do", async () => {
      const { machines, loadBalancers } = await trial.outputs();
      const named = Object.values(portNumbers).filter((port) => typeof port === "number");
      const tries = Object.entries(machines)
        .filter(([name]) => name.endsWith("-a") && name !== machine)
        .flatMap(([name, one]) => {
          const balances = loadBalancers.some((balancer) => balancer.name === name);
          const kind = kindOf({
            roles: one.roles as Role[],
            nodeClass: balances ? "load-balancer" : "general",
          });
          const open = opened(kind, "client");
          return named.flatMap((port) =>
            [one.privateIpv4, one.privateIpv6].map((host) => ({
              what: `${name} [${host}]:${port}`,
              host: host ?? "",
              port,
              open: isOpen(open, port, "tcp"),
              closed: closedToTasks.includes(port),
            })),
          );
        });
      const wrong = async (way: Way, asked: typeof tries) => {
        const came = await inAWord(
          way,
          asked.map(({ host, port }) => ({ kind: "tcp", host, port })),
        );
        return asked.flatMap(({ what, open, closed }, index) => {
          const wanted = closed ? [...refusedByOwn, "silent"] : open ? ["open"] : ["silent"];
          return wanted.includes(String(came[index]))
            ? []
            : [`${way}: ${what} is ${came[index]}, not ${wanted[0]}`];
        });
      };
      // Vault and what is bound to one address listen at the members' family alone.
      const ipv6 = tries.filter(({ host }) => host.includes(":"));
      expect(await wrong("host", ipv6)).toEqual([]);
      expect(ipv6.filter(({ open, closed }) => open && !closed).length).toBeGreaterThan(3);
      expect(ipv6.filter(({ open, closed }) => open && closed).length).toBeGreaterThan(3);
    });

    it("the local agents answer nothing without a token, and the task's own identity reads its own alone", async () => {
      const own = { tokens: { "X-Nomad-Token": "$NOMAD_TOKEN" } };
      const consul = { kind: "request", host: "127.0.0.1", port: portNumbers.consulApi } as const;
      const nomad = { kind: "request", host: "127.0.0.1", port: portNumbers.nomadApi } as const;
      const api = { kind: "request", unix: "/secrets/api.sock", tls: false } as const;
      const variable = (id: string, namespace: string) => `/v1/var/nomad/jobs/${id}?namespace=${namespace}`;
      const rows: [Try, number][] = [
        [{ ...consul, path: "/v1/status/leader" }, 200],
        [{ ...consul, path: "/v1/agent/self" }, 403],
        [{ ...consul, path: "/v1/kv/fabio/config" }, 403],
        [{ ...nomad, path: "/v1/status/leader" }, 200],
        [{ ...nomad, path: "/v1/agent/self" }, 403],
        [{ ...nomad, path: "/v1/jobs" }, 403],
        [{ ...nomad, path: variable(job, "default") }, 403],
        [{ ...nomad, ...own, path: variable(job, "default") }, 200],
        [{ ...nomad, ...own, path: variable("website", "website") }, 403],
        [{ ...nomad, ...own, path: "/v1/agent/self" }, 403],
        [{ ...api, path: variable(job, "default") }, 401],
        [{ ...api, ...own, path: variable(job, "default") }, 200],
        [{ ...api, ...own, path: variable("website", "website") }, 403],
        [{ ...api, ...own, path: "/v1/agent/self" }, 403],
      ];
      const came = await inAWord(
        "host",
        rows.map(([one]) => one),
      );
      expect(rows.map(([one], index) => [one, came[index]])).toEqual(rows);
    });

    it("Vault gives it its own secrets, and no other job's", async () => {
      const host = (await trial.machine("control-a")).privateIpv6;
      const vault = (path: string): Try => ({
        kind: "request",
        host,
        port: portNumbers.vaultApi,
        path: `/v1/${path}`,
        tokens: { "X-Vault-Token": "/secrets/vault_token" },
      });
      const paths = [
        `secret/data/default/${job}`,
        "secret/data/default/another",
        "secret/data/website/website",
        "secret/metadata/?list=true",
        "certificates/ingress/ingress/site",
      ];
      expect(await inAWord("host", paths.map(vault))).toEqual([200, 403, 403, 403, 403]);
    });

    it("no key, no setting and no socket of the machine's agents is there", async () => {
      const hidden = [
        "/etc/ssl/consul/key.pem",
        "/etc/ssl/nomad/key.pem",
        "/etc/ssl/nomad",
        "/etc/nomad.d",
        "/etc/consul.d",
        "/etc/hashistack",
        "/etc/shadow",
        "/opt/hashistack/bin",
        "/var/lib/nomad",
        "/var/lib/consul",
        "/root",
        "/home",
        "/run/systemd",
        "/run/dbus/system_bus_socket",
      ];
      expect(await files("read", hidden)).toEqual(Object.fromEntries(hidden.map((path) => [path, "ENOENT"])));
      // Each is there on the machine, and the task reads what is meant for it.
      await trial.inside(machine, "ls", "--directory", ...hidden);
      const its = ["/etc/passwd", "/secrets/vault_token", "/local/caddy"];
      expect(await files("read", its)).toEqual(Object.fromEntries(its.map((path) => [path, "read"])));
      expect(await asTask([{ kind: "sockets" }])).toEqual([["/secrets/api.sock"]]);
      // Of the whole machine it sees processes of its own user alone: its own.
      expect(await asTask([{ kind: "processes" }])).toEqual([[65534]]);
    });

    it("the kernel is not its to change", async () => {
      const kernel = [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/net/ipv6/conf/all/forwarding",
        "/proc/sysrq-trigger",
        "/proc/kcore",
        "/sys/kernel/uevent_helper",
      ];
      for (const [path, came] of Object.entries(await files("write", kernel)))
        expect([path, came]).toEqual([path, expect.stringMatching(/^(EACCES|EROFS|EPERM|ENOENT)$/)]);
      const acts = [
        "be root",
        "be another user",
        "another root",
        "mount",
        "make a device",
        "raw socket",
        "packets of a device",
        "rules of the filter",
      ];
      const came = await inAWord(
        "host",
        acts.map((what) => ({ kind: "act", what })),
      );
      expect(Object.fromEntries(acts.map((what, index) => [what, came[index]]))).toEqual(
        Object.fromEntries(acts.map((what) => [what, "EPERM"])),
      );
      expect(await inAWord("host", [{ kind: "act", what: "a low port" }])).toEqual(["done"]);
    });

    it("none runs as root or as a daemon's user, asks for more rights, or does without a root of its own", async () => {
      const wrong: Record<string, object> = {
        "as root": { User: "root" },
        "as a daemon": { User: "consul" },
        "with a right more": { Config: { command: "local/caddy", args: ["version"], cap_add: ["net_raw"] } },
      };
      for (const [what, change] of Object.entries(wrong)) {
        const id = `${job}-${what.replaceAll(" ", "-")}`;
        const own = await probeJob(trial, machine, id, change);
        await call("nomad", "POST", "/v1/jobs", { Job: own });
        const told = await until(`the end of a job ${what}`, 60, async () => {
          const all = await trial.ask<Allocation[]>("nomad", `/v1/job/${id}/allocations`);
          const events = all.flatMap(({ TaskStates }) => TaskStates?.host?.Events ?? []);
          return events.find(({ Type }) => /hook failed|Driver Failure/i.test(Type))?.DisplayMessage;
        }).finally(() => call("nomad", "DELETE", `/v1/job/${id}?purge=true`));
        expect(told).toMatch(/disallowed|does not allow/);
      }
      const drivers = await driversOf(trial, machine);
      expect(drivers.filter((name) => ["raw_exec", "docker", "java", "qemu"].includes(name))).toEqual([]);
      expect(drivers).toContain("exec");
    });

    it("what a task publishes from a network of its own, clients reach and nobody else", async () => {
      const all = await trial.ask<Allocation[]>("nomad", `/v1/job/${job}/allocations`);
      const running = all.find(
        ({ TaskGroup, ClientStatus }) => TaskGroup === "bridge" && ClientStatus === "running",
      );
      const { AllocatedResources } = await trial.ask<Allocation>("nomad", `/v1/allocation/${running?.ID}`);
      const port = AllocatedResources?.Shared?.Ports?.[0]?.Value ?? 0;
      const { privateIpv4 } = await trial.machine(machine);
      const knock = { kind: "tcp", host: privateIpv4, port } as const;
      const seen = async (from: string) => (await trial.knock(from, [knock]))[0];
      expect(await seen("client-b")).toBe("open");
      expect(await seen("edge-a")).toBe("open");
      for (const from of ["control-a", "support-a", "outside", "stranger"])
        expect([from, await seen(from)]).toEqual([from, "silent"]);
      // Past the cloud's own filter, too.
      const past = (source: string) =>
        run(inRouter(trial, "python3", "-I", "-c", connectFrom, source, privateIpv4, String(port)), {
          what: `knocking from ${source}`,
        });
      expect(await past(outsideGateway.ipv4)).toBe("silent\n");
      expect(await past(hostAddress("198.51.100.0/24", 1))).toBe("open\n");
    });
  });
}

/** Knocks from one address of several. */
const connectFrom = `
import socket, sys
source, host, port = sys.argv[1:]
try:
    socket.create_connection((host, int(port)), 3, (source, 0)).close()
    print("open")
except TimeoutError:
    print("silent")
`;
