/** How machines without a public address go out, looked at from both ends. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LabLinode } from "../../lab/linode/lab-linode";
import { strangerAddress } from "../../lab/machines/addresses";
import { BenchError } from "../errors";
import { checkout } from "../lab";
import { type Ran, runAny } from "../run";
import { ask } from "./emulated";

/** Where somebody on the internet answers. */
const port = 8099;
const outside = `http://${strangerAddress.ipv4}:${port}/`;
/** The device of the tunnel: components/provisioning/machine/egress.py. */
const tunnel = "hs-way-out";
const waitSeconds = 90;

interface Found {
  readonly ok: boolean;
  readonly found: string;
}
type Check = (what: string, look: () => Promise<Found>) => Promise<boolean>;

export interface WayOutOptions {
  readonly lab: string;
  readonly linode: LabLinode;
  /** Asks for the site as a visitor does. */
  readonly visit: () => Promise<Ran>;
  readonly signal?: AbortSignal;
}

/** Machines with no interface but the one in the VPC go out by support, by nothing else, and live without it. */
export async function lookAtWayOut(check: Check, options: WayOutOptions): Promise<void> {
  const { linode, visit } = options;
  const all = [...linode.api.state.instances.values()].map(({ view, order }) => ({ ...order, view }));
  const support = all.find(({ view }) => view.tags.includes("support"));
  const behind = all.filter((one) => !one.public);
  if (!support) throw new BenchError("no instance has the tag support");
  const [address = ""] = support.view.ipv4;
  const inside = (name: string, argv: readonly string[]): Promise<Ran> =>
    runAny(
      [
        ...[process.execPath, join(checkout(), "lab/bin/hashistack-lab.js"), "--lab", options.lab],
        ...["exec", name, "--inside", "--", ...argv],
      ],
      { what: `${argv[0]} on ${name}`, timeoutSeconds: 60, signal: options.signal },
    );
  const get = (name: string, url: string, ...more: string[]) =>
    inside(name, [
      "curl",
      "--silent",
      "--show-error",
      "--output",
      "/dev/null",
      "--max-time",
      "5",
      ...more,
      url,
    ]);
  const server = await answering(linode);
  try {
    await check("machines without a public address go out, in support's name", async () => {
      const got = await Promise.all(behind.map(({ label }) => get(label, outside)));
      const wrong = behind.flatMap(({ label }, at) =>
        got[at]?.code === 0 ? [] : [`${label}: ${got[at]?.stderr.trim()}`],
      );
      const seen = [...new Set(server.callers())];
      return {
        ok: behind.length > 0 && wrong.length === 0 && seen.join() === address,
        found: wrong.join("; ") || `${behind.length} machines, seen as ${seen.join(", ")}`,
      };
    });
    await check(
      "support hands on nothing to the cluster's machines, and tells nobody of itself",
      async () => {
        const [first, second] = behind;
        if (!first || !second) return { ok: false, found: "too few machines" };
        const by = ["--interface", tunnel];
        const asked = [outside, `http://${second.vpc?.address}:22/`, "http://169.254.169.254/v1/instance"];
        const codes = await Promise.all(asked.map(async (url) => (await get(first.label, url, ...by)).code));
        // 28: no answer; 7: refused.
        const ok = codes[0] === 0 && [7, 28].includes(codes[1] ?? 0) && [7, 28].includes(codes[2] ?? 0);
        return { ok, found: asked.map((url, at) => `${url} ${codes[at]}`).join(", ") };
      },
    );
    await check("without support nobody of them goes out, and the site is served all the same", async () => {
      await turn(linode, support.id, "shutdown", "offline");
      const got = await Promise.all(behind.map(({ label }) => get(label, outside)));
      const out = behind.filter((_, at) => got[at]?.code === 0).map(({ label }) => label);
      const site = await visit();
      return {
        ok: out.length === 0 && site.code === 0,
        found:
          out.length > 0
            ? `${out.join(", ")} went out`
            : `the site: ${site.code === 0 ? "served" : site.stderr}`,
      };
    });
    await check("with support back they do again", async () => {
      await turn(linode, support.id, "boot", "running");
      const started = performance.now();
      for (let left = behind.map(({ label }) => label); ; await sleep(1000)) {
        const got = await Promise.all(left.map((label) => get(label, outside)));
        left = left.filter((_, at) => got[at]?.code !== 0);
        const seconds = (performance.now() - started) / 1000;
        if (left.length === 0) return { ok: true, found: `after ${Math.round(seconds)} s` };
        if (seconds > waitSeconds)
          return { ok: false, found: `not within ${waitSeconds} s: ${left.join(", ")}` };
      }
    });
  } finally {
    server.end();
  }
}

/** Shuts an instance down or boots it, and waits until the API calls it so. */
async function turn(linode: LabLinode, id: number, how: string, until: string): Promise<void> {
  const path = `/v4/linode/instances/${id}`;
  await ask(linode.api.url, "POST", `${path}/${how}`);
  for (const end = Date.now() + waitSeconds * 1000; ; await sleep(300)) {
    const { status } = await ask<{ status: string }>(linode.api.url, "GET", path);
    if (status === until) return;
    if (Date.now() > end)
      throw new BenchError(`instance ${id} is ${status} ${waitSeconds} s after its ${how}`);
  }
}

/** Somebody on the internet who answers, and remembers who asked. */
async function answering(linode: LabLinode): Promise<{ callers: () => string[]; end: () => void }> {
  const [program = "", ...args] = linode.fromStranger([
    "python3",
    ...["-u", "-m", "http.server", String(port), "--bind", strangerAddress.ipv4, "--directory", "/var/empty"],
  ]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill();
      reject(new BenchError(`${why}: ${log}`));
    };
    const timer = setTimeout(() => fail("no server outside within 20 s"), 20_000);
    child.stdout.once("data", () => {
      clearTimeout(timer);
      resolve();
    });
    child.on("error", ({ message }) => fail(`the server outside does not run (${message})`));
    child.once("close", () => fail("the server outside ended"));
  });
  return {
    callers: () => log.split("\n").flatMap((line) => /^(\d[\d.]+) - - \[.*"GET /.exec(line)?.[1] ?? []),
    end: () => void child.kill(),
  };
}
