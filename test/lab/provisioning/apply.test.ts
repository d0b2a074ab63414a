import { afterAll, beforeAll, expect, test } from "vitest";
import { renderSigner } from "../../../components/pki/signer";
import { renderApplyInput } from "../../../components/provisioning/apply";
import type { PlanFragment, PlannedCertificate } from "../../../components/provisioning/plan";
import { type LabMachine, Machines, must } from "./machines";
import { type Authority, authKey, certificate, daemon, serverName, zones } from "./plans";

const machines = new Machines("provisioning");
let hostKey: { support: string; member: string };
let support: LabMachine;
let member: LabMachine;
let authorities: Record<string, Authority>;

function authority(service: string) {
  const found = authorities[service];
  if (!found) throw new Error(`no authority of ${service}`);
  return found;
}

function supportInput() {
  const signer = { serverName, caPem: authority("support").rootPem };
  const own = certificate(authority("support"), "support", "support");
  const fragments: Record<string, PlanFragment> = {
    machine: { zones: zones([8888], member) },
    signer: renderSigner({ version: "1.6.5", authorities, certificate: own }),
  };
  return renderApplyInput({ machine: "support", hostname: "support", signer }, fragments);
}

function memberInput(
  change: { leaf?: Partial<PlannedCertificate>; text?: string; extra?: PlanFragment } = {},
) {
  const signer = {
    url: `https://[${support.privateIpv6}]:8888`,
    serverName,
    caPem: authority("support").rootPem,
  };
  const notifies = [{ unit: "daemon-a.service", action: "restart" as const }];
  const role: PlanFragment = {
    users: [{ name: "daemon-a", home: "/var/lib/daemon-a" }],
    directories: [{ path: "/var/lib/daemon-a", owner: "daemon-a", group: "daemon-a", mode: "0750" }],
    files: [
      {
        path: "/etc/daemon-a.conf",
        content: "a\n",
        owner: "root",
        group: "daemon-a",
        mode: "0640",
        notifies,
      },
    ],
    certificates: [
      certificate(authority("consul"), "consul", "member", { group: "daemon-a", notifies, ...change.leaf }),
    ],
    units: [
      {
        name: "daemon-a.service",
        content: daemon(9000, change.text ?? ""),
        enable: true,
        onChange: "rollout",
      },
    ],
    checks: [
      {
        what: "a listens",
        kind: "tcp",
        target: "[::1]:9000",
        timeoutSeconds: 20,
        journalOf: "daemon-a.service",
      },
      {
        what: "a runs",
        kind: "unit",
        target: "daemon-a.service",
        timeoutSeconds: 20,
        journalOf: "daemon-a.service",
      },
    ],
  };
  const fragments = { machine: { zones: zones([9000], support) }, role, extra: change.extra ?? {} };
  return renderApplyInput({ machine: "member", hostname: "member-1", signer }, fragments);
}

async function applied(machine: LabMachine, key: string, input: object) {
  const ran = await machines.program(machine, key, "apply", input);
  expect(ran.stderr).toBe("");
  expect(ran.status).toBe(0);
  return JSON.parse(ran.stdout) as { changed: string[]; pending: string[] };
}

function register(verb: "create" | "delete", change: object = {}) {
  const profile = {
    label: "consul",
    authKey,
    nameWhitelist: "^(localhost|member\\.node\\.consul|127\\.0\\.0\\.1|::1)$",
    expiryHours: 24,
  };
  const input = { machine: "member", port: 8889, profiles: [{ ...profile, ...change }] };
  return machines.program(support, hostKey.support, "signer_register", input, verb);
}

async function stdoutOf(machine: LabMachine, ...argv: string[]): Promise<string> {
  const ran = await machines.inside(machine, ...argv);
  expect(ran.stderr).toBe("");
  return ran.stdout.trim();
}

beforeAll(async () => {
  const login = await machines.keyPair("login", "ed25519");
  const make = async (name: string, bake: boolean) => {
    const first = await machines.keyPair(`${name}-first`, "ecdsa");
    const own = await machines.keyPair(`${name}-own`, "ed25519");
    const machine = await machines.create(name, login.publicKey, first.privateKey, bake);
    return { machine, first: first.publicKey, own };
  };
  const [a, b] = await Promise.all([make("support", true), make("member", true)]);
  support = a.machine;
  member = b.machine;
  hostKey = { support: a.own.publicKey, member: b.own.publicKey };
  const services = ["consul", "support"];
  const made = await Promise.all(services.map((service) => machines.authority(service)));
  authorities = Object.fromEntries(services.map((service, n) => [service, made[n]])) as typeof authorities;
  for (const each of [a, b]) {
    const input = { hostKey: each.own.privateKey, cloudInitSeconds: 60 };
    await machines.reached(each.machine, each.first);
    const ran = await machines.program(each.machine, each.first, "enrol", input);
    expect(ran.stderr).toBe("");
    // As if the answer had been lost: the throw-away key still serves.
    const again = await machines.program(each.machine, each.first, "enrol", input);
    expect(JSON.parse(again.stdout)).toEqual({ changed: false, cloudInitErrors: [] });
  }
});

afterAll(() => machines.end());

test("support signs for itself, serves the signer and takes the throw-away host key away", async () => {
  const done = await applied(support, hostKey.support, supportInput());
  expect(done.changed).toContain("certificate of support: missing");
  expect(done.changed).toContain("unit hashistack-signer.service started");
  expect(await stdoutOf(support, "ls", "/etc/ssh")).not.toContain("ecdsa");
  expect(await stdoutOf(support, "stat", "-c", "%a %U", "/etc/hashistack/signer/consul.key")).toBe(
    "400 root",
  );
  expect(await stdoutOf(support, "firewall-cmd", "--get-default-zone")).toBe("drop");
  const again = await applied(support, hostKey.support, supportInput());
  expect(again).toEqual({ changed: [], pending: [] });
});

test("a machine without a profile is refused, in words", async () => {
  const ran = await machines.program(member, hostKey.member, "apply", memberInput());
  expect(ran.status).toBe(1);
  expect(ran.stderr).toContain("member: apply: phase certificates: consul: the signer refused");
  expect(ran.stderr).toContain("invalid profile");
});

test("a profile is registered once, and shared restarts load it", async () => {
  expect(JSON.parse((await register("create")).stdout)).toEqual({ changed: true, restarted: true });
  expect(JSON.parse((await register("create")).stdout)).toEqual({ changed: false, restarted: false });
  const bad = await register("create", { nameWhitelist: "member" });
  expect(bad.stderr).toContain("not anchored");
});

test("a member gets its certificate over IPv6 behind its firewall; a second run changes nothing", async () => {
  const done = await applied(member, hostKey.member, memberInput());
  expect(done.changed).toEqual(expect.arrayContaining(["certificate of consul: missing"]));
  expect(await stdoutOf(member, "stat", "-c", "%a %U %G", "/etc/ssl/consul/key.pem")).toBe(
    "640 root daemon-a",
  );
  expect(await applied(member, hostKey.member, memberInput())).toEqual({ changed: [], pending: [] });
  expect(await stdoutOf(member, "hostname")).toBe("member-1");
});

test("the firewall: neighbours are found and the planned port answers; another does not", async () => {
  const get = (port: number) =>
    machines.inside(
      support,
      "curl",
      "-s",
      "-o",
      "/dev/null",
      "-m",
      "3",
      `http://[${member.privateIpv6}]:${port}/`,
    );
  await machines.inside(support, "ip", "-6", "neigh", "flush", "all");
  await machines.inside(member, "ip", "-6", "neigh", "flush", "all");
  expect((await get(9000)).status).toBe(0);
  const listener = await machines.inside(
    member,
    "systemd-run",
    "--unit=stray",
    "python3",
    "-m",
    "http.server",
    "--bind",
    "::",
    "9001",
  );
  expect(listener.status).toBe(0);
  const within = [
    "curl",
    "-s",
    "-o",
    "/dev/null",
    "--retry",
    "20",
    "--retry-connrefused",
    "--retry-delay",
    "1",
  ];
  expect((await machines.inside(member, ...within, "http://[::1]:9001/")).status).toBe(0);
  expect((await get(9001)).status).toBe(28);
});

test("wrong names are refused by the signer, and a foreign key too", async () => {
  const names = { dnsNames: ["localhost", "member.node.consul", "server.dc1.consul"] };
  const wrong = await machines.program(member, hostKey.member, "apply", memberInput({ leaf: names }));
  expect(wrong.stderr).toContain("the signer refused a certificate of consul to profile member: bad request");
  const key = { authKey: "aa".repeat(32), dnsNames: ["localhost"] };
  const foreign = await machines.program(member, hostKey.member, "apply", memberInput({ leaf: key }));
  expect(foreign.stderr).toContain("invalid token");
  expect(await applied(member, hostKey.member, memberInput())).toMatchObject({ pending: [] });
});

test("a rollout waits for its turn; other notices act at once; what leaves the plan goes", async () => {
  const pid = () => stdoutOf(member, "systemctl", "show", "-P", "MainPID", "daemon-a.service");
  const first = await pid();
  const changed = await applied(member, hostKey.member, memberInput({ text: "new" }));
  expect(changed.pending).toEqual(["daemon-a.service"]);
  expect(await pid()).toBe(first);
  await machines.inside(member, "systemctl", "restart", "daemon-a.service");
  expect(await applied(member, hostKey.member, memberInput({ text: "new" }))).toEqual({
    changed: [],
    pending: [],
  });
  const extra: PlanFragment = {
    files: [
      {
        path: "/etc/extra.conf",
        content: "x",
        owner: "root",
        group: "root",
        mode: "0600",
        notifies: [{ unit: "daemon-a.service", action: "restart" }],
      },
    ],
    units: [{ name: "extra.service", content: daemon(9002, "extra"), enable: true }],
  };
  const second = await pid();
  const more = await applied(member, hostKey.member, memberInput({ text: "new", extra }));
  expect(more.changed).toContain("unit daemon-a.service restarted");
  expect(await pid()).not.toBe(second);
  const less = await applied(member, hostKey.member, memberInput({ text: "new" }));
  expect(less.changed).toEqual(
    expect.arrayContaining(["unit extra.service removed", "file /etc/extra.conf removed"]),
  );
  expect((await machines.inside(member, "systemctl", "is-active", "extra.service")).status).not.toBe(0);
});

test("what fails on a machine says so with the end of its log", async () => {
  const extra: PlanFragment = {
    units: [
      {
        name: "broken.service",
        content:
          "[Service]\nExecStart=/bin/sh -c 'echo the disk is blue; exit 3'\n[Install]\nWantedBy=multi-user.target\n",
        enable: true,
      },
    ],
    checks: [
      {
        what: "broken runs",
        kind: "unit",
        target: "broken.service",
        timeoutSeconds: 20,
        journalOf: "broken.service",
      },
    ],
  };
  const ran = await machines.program(member, hostKey.member, "apply", memberInput({ text: "new", extra }));
  expect(ran.status).toBe(1);
  expect(ran.stderr).toContain("member: apply: phase checks: broken runs: not so: failed (exit-code)");
  expect(ran.stderr).toContain("| the disk is blue");
  await applied(member, hostKey.member, memberInput({ text: "new" }));
});

test("the timer's program renews what is near its end, and keeps what is not", async () => {
  const renew = () => machines.inside(member, "systemctl", "start", "hashistack-leaf.service");
  const serial = () =>
    stdoutOf(member, "openssl", "x509", "-noout", "-serial", "-in", "/etc/ssl/consul/cert.pem");
  const before = await serial();
  expect((await renew()).status).toBe(0);
  expect(await serial()).toBe(before);
  await machines.inside(member, "rm", "/etc/ssl/consul/key.pem");
  expect((await renew()).status).toBe(0);
  expect(await serial()).not.toBe(before);
});

test("a machine that was rebooted is as it was, with nothing to do", async () => {
  for (const name of ["support", "member"]) await must(machines.labCommand("reboot", name));
  await machines.reached(support, hostKey.support);
  await machines.reached(member, hostKey.member);
  expect(await applied(support, hostKey.support, supportInput())).toEqual({ changed: [], pending: [] });
  expect(await applied(member, hostKey.member, memberInput({ text: "new" }))).toEqual({
    changed: [],
    pending: [],
  });
  expect(JSON.parse((await register("create")).stdout)).toEqual({ changed: false, restarted: false });
  await machines.inside(member, "rm", "/etc/ssl/consul/key.pem");
  const renewed = await applied(member, hostKey.member, memberInput({ text: "new" }));
  expect(renewed.changed).toContain("certificate of consul: missing");
});

test("many machines register at the same time", async () => {
  const names = Array.from({ length: 8 }, (_, n) => `machine-${n}`);
  const profile = { label: "consul", authKey, nameWhitelist: "^(localhost)$", expiryHours: 24 };
  const each = (name: string, verb: "create" | "delete") =>
    machines.program(
      support,
      hostKey.support,
      "signer_register",
      { machine: name, port: 8889, profiles: [profile] },
      verb,
    );
  const ran = await Promise.all(names.map((name) => each(name, "create")));
  expect(ran.map((one) => one.stderr)).toEqual(names.map(() => ""));
  const policy = JSON.parse(await stdoutOf(support, "cat", "/etc/hashistack/signer/policies/consul.json"));
  expect(Object.keys(policy.auth_keys)).toEqual([...names, "member"]);
  const gone = await Promise.all(names.map((name) => each(name, "delete")));
  expect(gone.map((one) => one.status)).toEqual(names.map(() => 0));
});

test("after a removal the profile signs no more", async () => {
  expect(JSON.parse((await register("delete")).stdout)).toEqual({ changed: true, restarted: true });
  await machines.inside(member, "rm", "/etc/ssl/consul/key.pem");
  const ran = await machines.program(member, hostKey.member, "apply", memberInput({ text: "new" }));
  expect(ran.stderr).toContain("invalid profile");
});
