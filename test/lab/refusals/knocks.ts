import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../bench/run";
import type { Role } from "../../../components/topology/model";
import { loopbackPorts, portNumbers } from "../../../components/topology/ports";
import { adminAddress, strangerAddress } from "../../../lab/machines/addresses";
import type { Knock, Trial } from "../support/trial";
import { isOpen, type Kind, type Knocker, kindOf, listening, opened } from "./exposure";

const program = join(__dirname, "scan.py");
const { consulRpc, consulGossip, vaultCluster } = portNumbers;
const [firstDynamic, lastDynamic] = portNumbers.dynamic;
const isDynamic = (port: number) => port >= firstDynamic && port <= lastDynamic;

/** Whether a port that is let through may have nobody behind it: a task's, and a daemon's that listens at one address alone. */
const mayBeEmpty = (port: number, address: string) =>
  isDynamic(port) ||
  (!address.includes(":") && [consulRpc, consulGossip, vaultCluster].some((one) => one === port));

/** Ports that are tried one by one: all that have a name, the edges of the tasks', and what others have open. */
const named = [
  ...Object.values(portNumbers).flatMap((port) => (typeof port === "number" ? [port] : [...port])),
  ...loopbackPorts.map(({ port }) => port),
  ...[firstDynamic - 1, lastDynamic + 1, 53, 111, 2375, 8500, 8502, 8302, 8889],
].filter((port, index, all) => all.indexOf(port) === index);

interface Place {
  name: string;
  kind: Kind;
  private: string[];
  public: string[];
}

/** The scanner's answer: see scan.py. */
interface Scanned {
  answers: Record<string, { open: string; closed: string }>;
  packets: number;
  seconds: number;
  lost: boolean;
}

/** Who reaches which port: the table of exposure, on real machines. */
export function exposure(trial: Trial): void {
  const places = async (): Promise<Place[]> => {
    const { machines, loadBalancers } = await trial.outputs();
    return Object.entries(machines).map(([name, machine]) => ({
      name,
      kind: kindOf({
        roles: machine.roles as Role[],
        nodeClass: loadBalancers.some((one) => one.name === name) ? "load-balancer" : "general",
      }),
      private: [machine.privateIpv4 ?? "", machine.privateIpv6 ?? ""],
      public: [machine.publicIpv4, machine.publicIpv6].flatMap((address) => (address ? [address] : [])),
    }));
  };

  /** Every port of the targets, from a machine or, as the router would deliver it, from somebody outside. */
  const scan = async (
    who: string,
    targets: readonly string[],
    more: object = {},
  ): Promise<Scanned["answers"]> => {
    const outside = { outside: adminAddress, stranger: strangerAddress }[who];
    const where = outside ? "router" : await trial.cloudName(who);
    const asked = {
      ...{ protocol: "tcp", ports: [[1, 65535]], perSecond: 300_000, targets },
      ...(outside ? { source: outside } : {}),
      ...more,
    };
    const said = await run(trial.lab.argv("exec", where, "--", "python3", "-I", program), {
      what: `the scan from ${who}`,
      input: JSON.stringify(asked),
      // A quiet host takes half a minute, one that is busy and throws packets away does it three times.
      timeoutSeconds: 300,
    });
    const { answers, lost } = JSON.parse(said) as Scanned;
    if (lost) throw new Error(`the scan from ${who}: this host is too busy, its kernel threw packets away`);
    return answers;
  };

  /** What a scan must find: each open port with somebody there, and of the tasks' all, whether somebody is there or not. */
  const scanned = (
    place: Place,
    address: string,
    knocker: Knocker,
    found: Scanned["answers"][string] | undefined,
  ): string[] => {
    const [open, closed] = [portsOf(found?.open), portsOf(found?.closed)];
    const wanted = [...opened(place.kind, knocker)].filter((text) => text.endsWith("/tcp"));
    const passing = portsOf(wanted.map((text) => text.replace("/tcp", "")).join(" "));
    const wrong: string[] = [];
    for (let port = 1; port <= 65535; port++) {
      const seen = open.has(port) ? "open" : closed.has(port) ? "closed" : "silent";
      const passes = passing.has(port);
      const right = mayBeEmpty(port, address)
        ? passes === (seen !== "silent")
        : seen === (passes ? "open" : "silent");
      if (!right) wrong.push(`${place.name} [${address}]:${port} is ${seen} to ${knocker}`);
    }
    return wrong.slice(0, 20);
  };

  describe("exposure", () => {
    it("every named port, knocked at through the networks, is open or silent as the table says", async () => {
      const all = await places();
      const knockers: [string, Knocker][] = [
        ["outside", "admin"],
        ["stranger", "stranger"],
        ["support-a", "support"],
        ["control-b", "servers"],
        ["client-b", "client"],
        ["edge-b", "load-balancer"],
      ];
      const targets = all.filter(({ name }) => name.endsWith("-a"));
      const wrong = await Promise.all(
        knockers.map(async ([from, knocker]) => {
          const outside = from === "outside" || from === "stranger";
          const tries = targets
            .filter(({ name }) => name !== from)
            .flatMap((place) => [
              ...place.private.map((host) => ({
                host,
                place,
                open: outside ? new Set<string>() : opened(place.kind, knocker),
              })),
              ...(outside ? place.public : []).map((host) => ({
                host,
                place,
                open: opened(place.kind, knocker),
              })),
            ])
            .flatMap((target) => named.map((port) => ({ ...target, port })));
          const knocks = tries.map(({ host, port }): Knock => ({ kind: "tcp", host, port }));
          const answers = await trial.knock(from, knocks);
          return tries.flatMap(({ host, place, port, open }, index) => {
            const seen = answers[index];
            const passed = mayBeEmpty(port, host) && seen === "ECONNREFUSED" ? "open" : seen;
            const wanted = isOpen(open, port, "tcp") ? "open" : "silent";
            return passed === wanted
              ? []
              : [`${from} -> ${place.name} [${host}]:${port} is ${seen}, not ${wanted}`];
          });
        }),
      );
      expect(wrong.flat()).toEqual([]);
    });

    it("no other of the 65535 TCP ports is open: from outside, from a client, from a server", async () => {
      const all = await places();
      const wrong: string[] = [];
      const look = async (
        from: string,
        knocker: Knocker,
        addresses: (place: Place) => string[],
        more = {},
      ) => {
        const targets = all
          .filter(({ name }) => name !== from)
          .flatMap((place) => addresses(place).map((address) => ({ place, address })));
        const answers = await scan(
          from,
          targets.map(({ address }) => address),
          more,
        );
        wrong.push(
          ...targets.flatMap(({ place, address }) => scanned(place, address, knocker, answers[address])),
        );
      };
      // Past the cloud's own filter, to private addresses too: each machine keeps its own door.
      const everywhere = (place: Place) => [...place.private, ...place.public];
      // Who shares a cable has addresses that no network's plan knows.
      const links = new Map(
        await Promise.all(all.map(async ({ name }) => [name, await linkLocal(name)] as const)),
      );
      const linked = ({ name }: Place) => [links.get(name) ?? ""];
      // Two at a time: one for each core of a small host.
      await Promise.all([
        look("stranger", "stranger", everywhere).then(() =>
          look("client-b", "client", (place) => place.private),
        ),
        look("outside", "admin", everywhere)
          .then(() => look("control-b", "servers", (place) => place.private))
          .then(() => look("client-b", "stranger", linked, { device: "eth0" })),
      ]);
      expect(wrong).toEqual([]);
    });

    it("closed UDP ports do not even say that they are, but where tasks' ports are open", async () => {
      const all = await places();
      const ports = [
        [1, 1100],
        [4600, 5400],
        [8000, 8700],
        [20_000, 20_400],
        [32_001, 33_600],
      ];
      const told = async (from: string) => {
        const targets = all
          .filter(({ name }) => name !== from)
          .flatMap((place) => place.private.map((address) => ({ place, address })));
        const answers = await scan(
          from,
          targets.map(({ address }) => address),
          { protocol: "udp", ports },
        );
        return targets.flatMap(({ place, address }) =>
          [...portsOf(answers[address]?.closed)].map((port) => ({ kind: place.kind, port })),
        );
      };
      expect(await told("stranger")).toEqual([]);
      const toClient = await told("client-b");
      // The kernel says it a few times a second at most; that it does shows that the scan would hear it.
      expect(toClient.length).toBeGreaterThan(0);
      expect(toClient.filter(({ kind, port }) => !isOpen(opened(kind, "client"), port, "udp"))).toEqual([]);
    });

    it("everything that listens is in the table, and all of the table listens", async () => {
      const all = await places();
      const wrong = await Promise.all(
        all.map(async ({ name, kind }) => {
          const sockets = (await trial.inside(name, "ss", "-Hlntup")).trim().split("\n").map(socketOf);
          const wanted = listening(kind);
          const beyond = sockets.filter(
            ({ protocol, address, port }) => !isLoopback(address) && !isOpen(wanted, port, protocol),
          );
          const within = sockets.filter(
            ({ protocol, address, port }) =>
              isLoopback(address) &&
              !isOpen(wanted, port, protocol) &&
              !loopbackPorts.some((line) => line.port === port) &&
              !isEphemeral(port),
          );
          const missing = [...wanted].filter((text) => {
            const [port, protocol] = text.split("/");
            return (
              !text.includes("-") &&
              !sockets.some(
                (one) => one.port === Number(port) && one.protocol === protocol && !isLoopback(one.address),
              )
            );
          });
          return [
            ...[...beyond, ...within].map(({ line }) => `${name} listens: ${line}`),
            ...missing.map((text) => `${name} does not listen on ${text}`),
          ];
        }),
      );
      expect(wrong.flat()).toEqual([]);
    });
  });

  const linkLocal = async (name: string): Promise<string> => {
    const [link] = JSON.parse(
      await trial.inside(name, "ip", "-j", "-6", "address", "show", "dev", "eth0", "scope", "link"),
    );
    const found = (link.addr_info as { scope?: string; local?: string }[]).find(
      ({ scope }) => scope === "link",
    );
    return found?.local ?? "";
  };
}

/** Ports of a text such as "22 20000-32000". */
function portsOf(text = ""): Set<number> {
  return new Set(
    text
      .split(" ")
      .filter(Boolean)
      .flatMap((part) => {
        const [first = 0, last = first] = part.split("-").map(Number);
        return Array.from({ length: last - first + 1 }, (_, index) => first + index);
      }),
  );
}

/** A line of `ss -Hlntup`. */
function socketOf(line: string): { protocol: "tcp" | "udp"; address: string; port: number; line: string } {
  const [protocol = "", , , , local = ""] = line.split(/\s+/);
  const at = local.lastIndexOf(":");
  const address = local
    .slice(0, at)
    .replace(/%\w+$/, "")
    .replace(/^\[|\]$/g, "");
  return { protocol: protocol as "tcp" | "udp", address, port: Number(local.slice(at + 1)), line };
}

const isLoopback = (address: string) => /^127\.|^::1$|^::ffff:127\./.test(address);

/** Ports that the kernel gives to programs that ask for none. */
const [lowest = 0, highest = 0] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
  .split(/\s+/)
  .map(Number);
const isEphemeral = (port: number) => port >= lowest && port <= highest;
