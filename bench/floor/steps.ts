/**
 * Runs inside the lab's network: brings the machines that boot to a cluster with a running job, as a script would, and
 * prints a line of JSON for each phase: {"phase": "Consul", "seconds": 1.3}. Input, JSON on standard input: `Plan`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BenchError } from "../errors";
import { checkout } from "../lab";
import { run, runAny, until } from "../run";

/** What the steps are told. */
export interface Plan {
  machines: { name: string; role: "server" | "client" | "idle"; address: string }[];
  /** Folder with the files "login" (private key) and "known_hosts". */
  keys: string;
  user: string;
}

const folder = join(checkout(), "bench", "floor");

function ssh(plan: Plan, address: string, ...command: string[]): string[] {
  return [
    ...["ssh", "-F", "none", "-i", join(plan.keys, "login"), "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${join(plan.keys, "known_hosts")}`, "-o", "ConnectTimeout=2"],
    ...["-o", "LogLevel=ERROR", `${plan.user}@${address}`, ...command],
  ];
}

async function call<T>(url: string, method = "GET", body?: unknown, timeoutSeconds = 5): Promise<T> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(timeoutSeconds * 1000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new BenchError(`${url} answered ${response.status}: ${text.trim().slice(0, 300)}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** A login that works: sshd may answer before the machine lets users in. */
async function booted(plan: Plan): Promise<void> {
  await Promise.all(
    plan.machines.map(({ name, address }) =>
      until(`SSH of machine ${name}`, 60, async () => {
        const ran = await runAny(ssh(plan, address, "true"), {
          what: `SSH of machine ${name}`,
          timeoutSeconds: 10,
        });
        if (ran.code !== 0) throw new BenchError(ran.stderr.trim());
        return true;
      }),
    ),
  );
}

async function started(plan: Plan, servers: readonly string[]): Promise<void> {
  const script = readFileSync(join(folder, "machine.sh"), "utf8");
  await Promise.all(
    plan.machines.map(({ name, role, address }) =>
      run(ssh(plan, address, "sudo", "-n", "sh", "-s", "--", role, name, address, ...servers), {
        what: `machine.sh on ${name}`,
        input: script,
        timeoutSeconds: 60,
      }),
    ),
  );
}

async function consul(first: string, servers: number): Promise<void> {
  await until("Consul's leader", 60, async () => {
    const leader = await call<string>(`http://${first}:8500/v1/status/leader`);
    const peers = await call<string[]>(`http://${first}:8500/v1/status/peers`);
    return leader && peers.length === servers ? true : undefined;
  });
}

async function vault(servers: readonly string[]): Promise<void> {
  const [first = "", ...followers] = servers;
  await until("Vault's listener", 60, () =>
    call<{ initialized: boolean }>(`http://${first}:8200/v1/sys/init`),
  );
  // Once, and with time: a client that gives up here has lost the keys.
  const { keys } = await call<{ keys: string[] }>(
    `http://${first}:8200/v1/sys/init`,
    "PUT",
    { secret_shares: 1, secret_threshold: 1 },
    120,
  );
  const unseal = (address: string): Promise<true> =>
    until(`unsealed Vault on ${address}`, 60, async () => {
      // A follower that has not joined yet answers that it is not initialized.
      const { sealed } = await call<{ sealed: boolean }>(
        `http://${address}:8200/v1/sys/unseal`,
        "PUT",
        { key: keys[0] },
        30,
      );
      return sealed ? undefined : true;
    });
  await unseal(first);
  await Promise.all(followers.map(unseal));
  await Promise.all(
    servers.map((address) =>
      until(`Vault's leader seen by ${address}`, 60, async () => {
        const { leader_address } = await call<{ leader_address: string }>(
          `http://${address}:8200/v1/sys/leader`,
        );
        return leader_address ? true : undefined;
      }),
    ),
  );
}

async function nomad(first: string, clients: number): Promise<void> {
  await until("Nomad's leader and ready clients", 60, async () => {
    if (!(await call<string>(`http://${first}:4646/v1/status/leader`))) return undefined;
    const nodes = await call<{ Status: string }[]>(`http://${first}:4646/v1/nodes`);
    return nodes.filter(({ Status }) => Status === "ready").length === clients ? true : undefined;
  });
}

async function job(first: string): Promise<void> {
  const text = readFileSync(join(folder, "site.nomad.hcl"), "utf8");
  const parsed = await call<object>(`http://${first}:4646/v1/jobs/parse`, "POST", { JobHCL: text });
  await call(`http://${first}:4646/v1/jobs`, "POST", { Job: parsed });
  await until("the job's healthy deployment", 90, async () => {
    const deployment = await call<{ Status: string; StatusDescription: string } | null>(
      `http://${first}:4646/v1/job/site/deployment`,
    );
    if (deployment?.Status !== "successful") {
      throw new BenchError(deployment?.StatusDescription ?? "there is no deployment yet");
    }
    return true;
  });
  await until("two passing instances in Consul", 30, async () => {
    const instances = await call<unknown[]>(`http://${first}:8500/v1/health/service/site?passing`);
    return instances.length === 2 ? true : undefined;
  });
}

/** Does all of it. */
async function main(plan: Plan): Promise<void> {
  const of = (role: string): string[] =>
    plan.machines.filter((machine) => machine.role === role).map(({ address }) => address);
  const servers = of("server");
  const first = servers[0] ?? "";
  const phase = async (name: string, work: Promise<void>): Promise<void> => {
    const begun = performance.now();
    await work;
    process.stdout.write(`${JSON.stringify({ phase: name, seconds: (performance.now() - begun) / 1000 })}\n`);
  };
  await phase("boot", booted(plan));
  await phase("install", started(plan, servers));
  await phase("Consul", consul(first, servers.length));
  await phase("Vault", vault(servers));
  await phase("Nomad", nomad(first, of("client").length));
  await phase("job", job(first));
}

if (require.main === module) {
  main(JSON.parse(readFileSync(0, "utf8")) as Plan).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
