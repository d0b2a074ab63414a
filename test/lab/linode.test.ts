import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderUserData } from "../../components/clouds/user-data";
import { type LabLinode, raiseLinode } from "../../lab/linode/lab-linode";
import { listMachines } from "../../lab/machines/verbs";

/**
 * The emulated Linode with real machines: an instance's user data is executed by cloud-init, its firewall filters, its
 * domain answers, and nothing is left. Needs root and a built dist/.
 */

const lab = "test-linode";
const dir = mkdtempSync(join(tmpdir(), "hashistack-linode-test-"));
for (const [name, kind] of [
  ["user", "ed25519"],
  ["host", "ecdsa"],
]) {
  execFileSync("ssh-keygen", ["-q", "-t", kind, "-N", "", "-C", name, "-f", join(dir, name)]);
}
const key = (name: string): string => readFileSync(join(dir, name), "utf8");

let linode: LabLinode;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run([program, ...args]: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    child.stdin?.end();
  });
}

const curl = (args: readonly string[]) => linode.fromOutside(["curl", "-sS", "--max-time", "20", ...args]);

/** Asks the API from the lab's outside, as a client there does. */
// biome-ignore lint/suspicious/noExplicitAny: what a test looks into is any JSON
async function ask(method: string, path: string, body?: unknown): Promise<any> {
  const { out, err } = await run(
    curl([
      "-X",
      method,
      "-H",
      "Authorization: Bearer rehearsal",
      ...(body === undefined ? [] : ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)]),
      `${linode.url}/v4${path}`,
    ]),
  );
  try {
    return JSON.parse(out);
  } catch {
    throw new Error(`${method} ${path} answered no JSON: ${out}${err}`);
  }
}

async function until<T>(what: string, value: () => Promise<T>, so: (value: T) => boolean): Promise<T> {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await value();
    if (so(found)) return found;
    if (Date.now() > end) throw new Error(`${what} did not come within 60 s: ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const ssh = (address: string, ...command: string[]) => [
  "ssh",
  ...["-i", join(dir, "user"), "-o", `UserKnownHostsFile=${join(dir, "known")}`, "-o", "BatchMode=yes"],
  ...["-o", "StrictHostKeyChecking=accept-new", "-o", "ConnectTimeout=4", `ops@${address}`, ...command],
];

let subnet: number;
let firewall: number;

const order = (label: string, host: number, rest: object = {}) => ({
  label,
  region: "de-fra-2",
  type: "g6-nanode-1",
  image: "private/1",
  root_pass: "correct horse battery staple",
  firewall_id: firewall,
  interfaces: [
    { purpose: "public" },
    { purpose: "vpc", subnet_id: subnet, ipv4: { vpc: `10.20.0.${host}` } },
  ],
  metadata: {
    user_data: Buffer.from(
      renderUserData({ user: "ops", authorizedKeys: [key("user.pub")], hostKey: key("host") }),
    ).toString("base64"),
  },
  ...rest,
});

const running = (id: number) =>
  until(
    `Instance ${id}`,
    () => ask("GET", `/linode/instances/${id}`),
    ({ status }) => status === "running",
  );

beforeAll(async () => {
  linode = await raiseLinode({ lab, subnet: "10.20.0.0/24", say: (words) => console.warn(words) });
  const vpc = await ask("POST", "/vpcs", {
    label: "trial",
    region: "de-fra-2",
    subnets: [{ label: "machines", ipv4: "10.20.0.0/24" }],
  });
  subnet = vpc.subnets[0].id;
  const made = await ask("POST", "/networking/firewalls", {
    label: "trial",
    rules: {
      inbound: [
        {
          action: "ACCEPT",
          label: "admins",
          protocol: "TCP",
          ports: "22",
          addresses: { ipv4: ["192.0.2.10/32"], ipv6: ["fd00:1ab:ff::10/128"] },
        },
        {
          action: "ACCEPT",
          label: "world",
          protocol: "TCP",
          ports: "80, 8000-8010",
          addresses: { ipv4: ["0.0.0.0/0"], ipv6: ["::/0"] },
        },
      ],
      inbound_policy: "DROP",
      outbound: [],
      outbound_policy: "ACCEPT",
    },
  });
  firewall = made.id;
});

afterAll(async () => {
  await linode?.close();
  rmSync(dir, { recursive: true, force: true });
});

describe("an instance of the emulated Linode", () => {
  let id: number;
  const [ipv4, ipv6] = ["203.0.113.2", "fd00:1ab:77::2"];

  test("is a machine of the lab, whose user data cloud-init has executed", async () => {
    const made = await ask("POST", "/linode/instances", order("trial-edge-a-1f2e3d", 2));
    id = made.id;
    expect([made.status, made.ipv4, made.ipv6]).toEqual(["provisioning", [ipv4], `${ipv6}/128`]);
    await running(id);
    const words = [
      "cloud-init status --wait >/dev/null; hostname; sudo id -un; cat /etc/ssh/ssh_host_ecdsa_key.pub",
    ];
    // Linode calls an instance running when its machine is on: the user is there a moment later.
    const login = () => run(linode.fromOutside(ssh(ipv4, ...words)));
    const { out } = await until("A login", login, ({ code }) => code === 0);
    const [name, root, hostKey] = out.trim().split("\n");
    expect([name, root]).toEqual(["trial-edge-a-1f2e3d", "root"]);
    expect(hostKey.split(" ").slice(0, 2)).toEqual(key("host.pub").split(" ").slice(0, 2));
  });

  test("is filtered by its firewall, by address, port and family; and by what the firewall becomes", async () => {
    const serve = (port: number) =>
      run(
        linode.fromOutside(
          ssh(ipv4, `sudo systemd-run --collect --unit=web-${port} python3 -m http.server --bind :: ${port}`),
        ),
      );
    for (const port of [80, 8005, 8080]) expect((await serve(port)).code).toBe(0);
    const get = (from: "fromOutside" | "fromStranger", host: string, port: number) =>
      run(linode[from](["curl", "-sS", "-o", "/dev/null", "--max-time", "3", `http://${host}:${port}/`]));
    await until(
      "The web server",
      () => get("fromStranger", ipv4, 80),
      ({ code }) => code === 0,
    );
    const open = async (from: "fromOutside" | "fromStranger", host: string, port: number) =>
      (await get(from, host, port)).code === 0;
    expect(await open("fromStranger", `[${ipv6}]`, 80)).toBe(true);
    expect(await open("fromStranger", ipv4, 8005)).toBe(true);
    expect(await open("fromStranger", ipv4, 8080)).toBe(false);
    expect(await open("fromStranger", `[${ipv6}]`, 8080)).toBe(false);
    expect(await open("fromOutside", ipv4, 8080)).toBe(false);
    expect((await run(linode.fromStranger(ssh(ipv4, "true")))).err).toContain("timed out");
    const rules = await ask("GET", `/networking/firewalls/${firewall}/rules`);
    const inbound = [{ ...rules.inbound[1], ports: "8080" }, rules.inbound[0]];
    await ask("PUT", `/networking/firewalls/${firewall}/rules`, { ...rules, inbound });
    expect(await open("fromStranger", ipv4, 8080)).toBe(true);
    expect(await open("fromStranger", ipv4, 80)).toBe(false);
  });

  test("is found by its domain's records, from an admin and from anybody", async () => {
    const domain = await ask("POST", "/domains", {
      domain: "example.com",
      type: "master",
      soa_email: "admin@example.com",
    });
    for (const [name, type, target] of [
      ["", "A", ipv4],
      ["*", "AAAA", ipv6],
    ])
      await ask("POST", `/domains/${domain.id}/records`, { type, name, target, ttl_sec: 300 });
    const lookUp = async (from: "fromOutside" | "fromStranger", name: string) =>
      (await run(linode[from](["getent", "ahosts", name]))).out.split(/\s+/)[0];
    expect(await lookUp("fromOutside", "example.com")).toBe(ipv4);
    expect(await lookUp("fromStranger", "tools.example.com")).toBe(ipv6);
    expect(await lookUp("fromStranger", "example.org")).toBe("");
  });

  test("runs again after a shutdown, with the key it had", async () => {
    await ask("POST", `/linode/instances/${id}/shutdown`);
    await until(
      "The halt",
      () => ask("GET", `/linode/instances/${id}`),
      ({ status }) => status === "offline",
    );
    expect((await listMachines(lab)).map(({ state }) => state)).toEqual(["stopped"]);
    await ask("POST", `/linode/instances/${id}/boot`);
    await running(id);
    const login = () => run(linode.fromOutside(ssh(ipv4, "hostname")));
    const { out } = await until("A login", login, ({ code }) => code === 0);
    expect(out).toBe("trial-edge-a-1f2e3d\n");
  });

  test("that is mute is told to run and never answers; its deletion leaves no machine, and the lab stays", async () => {
    await run(
      curl([
        "-d",
        JSON.stringify({ on: "POST /linode/instances", instance: "mute" }),
        `${linode.url}/lab/faults`,
      ]),
    );
    const mute = await ask("POST", "/linode/instances", order("trial-edge-b-1f2e3d", 3));
    await running(mute.id);
    expect((await listMachines(lab)).map(({ name }) => name)).toEqual(["trial-edge-a-1f2e3d"]);
    expect((await run(linode.fromOutside(ssh("203.0.113.3", "true")))).code).not.toBe(0);
    for (const one of [id, mute.id]) await ask("DELETE", `/linode/instances/${one}`);
    await until(
      "The deletions",
      () => ask("GET", "/linode/instances"),
      ({ results }) => results === 0,
    );
    expect(await listMachines(lab)).toEqual([]);
    expect((await ask("GET", `/networking/firewalls/${firewall}/devices`)).results).toBe(0);
  });
});
