/** A program that writes to an API and tries again, as the tools and libraries of the three do. */
import { Resolver } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, cause } from "./http.mjs";

const TRY_MS = 5000;
const WHOLE_MS = 30_000;
const PAUSE_MS = [200, 400, 800, 1000];

/** Not final: too many at once; and Vault's standby, which could not forward and sends to a leader that may be gone. */
const again = [429, 307];

/** What is written under a key. Whoever reads it back knows what it must be. */
const value = (key) => `value of ${key}`;

const requests = {
  consul: (key, token) => ({
    method: "PUT",
    path: `/v1/kv/${key}`,
    headers: { "X-Consul-Token": token },
    body: value(key),
  }),
  vault: (key, token) => ({
    method: "POST",
    path: `/v1/secret/data/${key}`,
    headers: { "X-Vault-Token": token, "content-type": "application/json" },
    body: JSON.stringify({ data: { value: value(key) } }),
  }),
  nomad: (key, token) => ({
    method: "POST",
    path: "/v1/jobs",
    headers: { "X-Nomad-Token": token, "content-type": "application/json" },
    body: JSON.stringify({ Job: tinyJob(key.replaceAll("/", "-")) }),
  }),
};

const second = 1_000_000_000;

/** A job that does nothing, once; it is placed again when its machine is lost. */
const tinyJob = (id) => ({
  ID: id,
  Name: id,
  Type: "batch",
  Datacenters: ["*"],
  TaskGroups: [
    {
      Name: "once",
      Count: 1,
      EphemeralDisk: { SizeMB: 10 },
      RestartPolicy: { Attempts: 5, Interval: 300 * second, Delay: second, Mode: "fail" },
      // Without zeros Nomad puts its own limits beside "unlimited", and refuses the two together.
      ReschedulePolicy: {
        Attempts: 0,
        Interval: 0,
        Unlimited: true,
        Delay: 5 * second,
        DelayFunction: "constant",
      },
      Tasks: [
        {
          Name: "once",
          Driver: "exec",
          Config: { command: "/bin/sh", args: ["-c", ":"] },
          Resources: { CPU: 20, MemoryMB: 16 },
          LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
        },
      ],
    },
  ],
});

/**
 * One write, acknowledged or not. A connection that fails, 5xx, and what is not final are tried again for 30 s.
 * @param {{service: "consul" | "vault" | "nomad", port: number, serverName: string, ca: string, token: string,
 *   addresses?: string[], resolve?: {server: string, name: string, family: number}, prefix: string}} load
 *   `addresses`, or by which name in which DNS they are found
 * @param {number} turn counts the writes
 */
export async function write({ service, addresses, resolve, token, prefix, ...target }, turn) {
  const key = `${prefix}-${turn}`;
  const request = { ...target, ...requests[service](key, token) };
  const end = Date.now() + WHOLE_MS;
  let why;
  for (let tries = 1; ; tries++) {
    try {
      const known = addresses ?? (await resolved(resolve));
      const { status, body } = await ask({ ...request, addresses: known }, TRY_MS);
      if (status >= 200 && status < 300 && (service !== "consul" || body.trim() === "true"))
        return { ok: true, tries, key, why };
      why = `status ${status}`;
      if (status < 500 && !again.includes(status)) return { ok: false, tries, key, why };
    } catch (error) {
      why = cause(error);
    }
    const pause = PAUSE_MS[Math.min(tries, PAUSE_MS.length) - 1];
    if (Date.now() + pause > end) return { ok: false, tries, key, why };
    await sleep(pause);
  }
}

async function resolved({ server, name, family }) {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([server]);
  return family === 6 ? await resolver.resolve6(name) : await resolver.resolve4(name);
}
