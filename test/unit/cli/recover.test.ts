import { spawn } from "node:child_process";
import { once } from "node:events";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import {
  adoptMounts,
  type HostFacts,
  hostFacts,
  judgeLock,
  type Lock,
  sortPending,
} from "../../../cli/recover";

const made = Date.parse("2026-11-23T05:18:29Z");
const lock: Lock = { pid: 4711, username: "u", hostname: "here", timestamp: "2026-11-23T05:18:29Z" };
const facts: HostFacts = { hostname: "here", bootedAt: made - 3_600_000 };
const engine = { startedAt: made - 1000, program: "pulumi" };

describe("judgeLock", () => {
  it("is dead when its process is gone", () => {
    expect(judgeLock(lock, facts)).toEqual({ owner: "dead", why: "its process 4711 is gone" });
  });
  it("is alive when its process is the engine and older than the lock", () => {
    expect(judgeLock(lock, { ...facts, process: engine }).owner).toBe("alive");
  });
  it("is dead when the host was started after it was made, whatever has the number now", () => {
    expect(judgeLock(lock, { ...facts, bootedAt: made + 60_000, process: engine }).owner).toBe("dead");
  });
  it("is dead when another process has got its number", () => {
    const process = { ...engine, startedAt: made + 10_000 };
    expect(judgeLock(lock, { ...facts, process }).owner).toBe("dead");
  });
  it("is dead when an older process that is not the engine has its number", () => {
    const process = { ...engine, program: "bash" };
    expect(judgeLock(lock, { ...facts, process }).owner).toBe("dead");
  });
  it("is taken for alive when the process may not be looked at", () => {
    const process = { ...engine, program: "" };
    expect(judgeLock(lock, { ...facts, process }).owner).toBe("alive");
  });
  it("cannot be judged from another host", () => {
    expect(judgeLock({ ...lock, hostname: "there" }, facts).owner).toBe("unknown");
  });
  it.each([{ timestamp: "yesterday" }, { pid: 0 }, { pid: 1.5 }])("cannot be judged with %j", (part) => {
    expect(judgeLock({ ...lock, ...part }, facts).owner).toBe("unknown");
  });
});

describe("hostFacts", () => {
  it("knows this process, its program and that it started after the host", () => {
    const found = hostFacts(process.pid);
    expect(found.hostname).toBe(hostname());
    expect(found.process?.program).toMatch(/node/);
    expect(found.process?.startedAt).toBeGreaterThanOrEqual(found.bootedAt);
    expect(Math.abs((found.process?.startedAt ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(
      2500,
    );
  });
  it("does not know a process that has ended", async () => {
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "close");
    expect(hostFacts(child.pid ?? 0).process).toBeUndefined();
  });
});

describe("sortPending", () => {
  const operation = (type: string, kind: string, name: string) => ({
    type,
    resource: { urn: `urn:pulumi:dev::p::${kind}::${name}` },
  });
  it("forgets what may be repeated, and never a machine of a cloud that was being made", () => {
    const sorted = sortPending([
      operation("creating", "command:local:Command", "control-a"),
      operation("updating", "linode:index/instance:Instance", "control-b"),
      operation("creating", "openstack:compute/instance:Instance", "control-c"),
    ]);
    expect(sorted).toEqual({
      repeatable: ["control-a", "control-b"],
      uncertain: ["control-c (openstack:compute/instance:Instance)"],
    });
  });
});

describe("adoptMounts", () => {
  const urn = (kind: string, name: string) => `urn:pulumi:dev::p::Cluster$${kind}::${name}`;
  const provider = urn("pulumi:providers:vault", "vault");
  const begun = (kind: string, name: string, inputs: object) => ({
    type: "creating",
    resource: {
      urn: urn(kind, name),
      custom: true,
      type: kind,
      provider: `${provider}::1-2-3`,
      inputs: { ...inputs },
    },
  });
  const mount = begun("vault:index/mount:Mount", "vault-secrets", { path: "secret", type: "kv" });
  const login = begun("vault:jwt/authBackend:AuthBackend", "vault-workloads", { path: "jwt-nomad" });

  it("takes mounts that were begun for made, under their paths, and nothing else", () => {
    const pending_operations = [
      ...[mount, login, begun("vault:index/policy:Policy", "p", { name: "p" })],
      { ...mount, type: "updating" },
    ];
    expect(adoptMounts({ resources: [{ urn: provider }], pending_operations })).toEqual([
      { ...mount.resource, id: "secret", outputs: mount.resource.inputs },
      { ...login.resource, id: "jwt-nomad", outputs: login.resource.inputs },
    ]);
  });

  it("leaves out what the state knows, and what no provider of the state could be asked of", () => {
    const known = [{ urn: provider }, { urn: mount.resource.urn }];
    expect(adoptMounts({ resources: known, pending_operations: [mount] })).toEqual([]);
    expect(adoptMounts({ resources: [], pending_operations: [login] })).toEqual([]);
  });
});
