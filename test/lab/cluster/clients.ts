import { describe, expect, it } from "vitest";
import { type Trial, until } from "../support/trial";

interface Allocation {
  ID: string;
  NodeName: string;
  JobID: string;
  ClientStatus: string;
  DesiredStatus: string;
  TaskStates: Record<string, { StartedAt: string; Restarts: number }> | null;
}

/** Clients are added and removed; the others must not feel it. */
export function clientsComeAndGo(trial: Trial): void {
  /** What runs, and since when, by allocation. */
  const running = async (): Promise<Record<string, { node: string; since: string }>> => {
    const all = await trial.ask<Allocation[]>("nomad", "/v1/allocations?namespace=*&task_states=true");
    return Object.fromEntries(
      all
        .filter(({ ClientStatus }) => ClientStatus === "running")
        .map(({ ID, NodeName, TaskStates }) => [
          ID,
          { node: NodeName, since: JSON.stringify(TaskStates, times) },
        ]),
    );
  };
  const ready = async () =>
    (
      await trial.ask<{ Name: string; Status: string; SchedulingEligibility: string }[]>("nomad", "/v1/nodes")
    ).filter(
      ({ Status, SchedulingEligibility }) => Status === "ready" && SchedulingEligibility === "eligible",
    );
  const foreign = (changed: readonly string[], machine: string) =>
    changed.filter((name) => name !== machine && !name.startsWith(`${machine}-`));

  describe("clients come and go", () => {
    it("one more changes nothing but itself", async () => {
      const before = await running();
      const logins = await trial.logins();
      trial.configure((config) => config["hashistack:groups"].client?.keys.push("c"));
      const { changed, summary } = await trial.up();
      expect(foreign(changed, "client-c")).toEqual([]);
      expect(Object.keys(summary).sort()).toEqual(["create", "same"]);
      expect((await ready()).map(({ Name }) => Name)).toContain(await trial.cloudName("client-c"));
      expect(await running()).toEqual(before);
      const support = await trial.cloudName("support-a");
      const after = await trial.logins();
      const visited = Object.keys(logins).filter((name) => after[name] !== logins[name]);
      expect(visited).toEqual([support]);
    });

    it("nor does one of a class of its own", async () => {
      const before = await running();
      trial.configure((config) => {
        config["hashistack:groups"].batch = { roles: ["nomad-client"], keys: ["a"], nodeClass: "batch" };
      });
      const { changed } = await trial.up();
      expect(changed).toContain("batch-a-apply");
      expect(foreign(changed, "batch-a")).toEqual([]);
      expect((await ready()).map(({ Name }) => Name)).toContain(await trial.cloudName("batch-a"));
      expect(await running()).toEqual(before);
    });

    it("one that is removed, the first of its group, is drained and leaves; all others run on", async () => {
      const gone = await trial.cloudName("client-a");
      const before = await running();
      const moved = Object.keys(before).filter((id) => before[id]?.node === gone);
      expect(moved.length).toBeGreaterThan(0);
      trial.configure((config) => config["hashistack:groups"].client?.keys.shift());
      const { changed, summary } = await trial.up();
      expect(foreign(changed, "client-a")).toEqual([]);
      expect(Object.keys(summary).sort()).toEqual(["delete", "same"]);

      // Drained: its work was told to go before the machine went, and was not lost with it.
      const all = await trial.ask<Allocation[]>("nomad", "/v1/allocations?namespace=*&task_states=true");
      const left = all.filter(({ ID }) => moved.includes(ID));
      for (const { ClientStatus, DesiredStatus } of left) {
        expect([ClientStatus, DesiredStatus]).toEqual(["complete", "stop"]);
      }
      const after = await until("the moved instance", 90, async () => {
        const now = await running();
        return Object.keys(now).length === Object.keys(before).length ? now : undefined;
      });
      const stayed = Object.entries(before).filter(([id]) => !moved.includes(id));
      expect(after).toMatchObject(Object.fromEntries(stayed));
      expect(Object.values(after).map(({ node }) => node)).not.toContain(gone);

      await until("the farewell", 120, async () => {
        const [nodes, members, tokens] = await Promise.all([
          trial.ask<{ Name: string }[]>("nomad", "/v1/nodes"),
          trial.ask<{ Name: string }[]>("consul", "/v1/agent/members"),
          trial.ask<{ Description: string }[]>("consul", "/v1/acl/tokens"),
        ]);
        const known = [...nodes, ...members].map(({ Name }) => Name);
        const left = [...known, ...tokens.map(({ Description }) => Description)].filter((text) =>
          text.includes(gone),
        );
        if (left.length > 0) throw new Error(`still known: ${left.join(", ")}`);
        return true;
      });
      expect(await trial.lab.machines()).not.toContain(gone);
      const profiles = await trial.inside("support-a", "ls", "/etc/hashistack/signer/profiles.d");
      expect(profiles).not.toContain(gone);
      expect(await trial.cli("status")).toMatchObject({ code: 0 });
    });
  });
}

/** Of a task's state what a restart changes. */
function times(key: string, value: unknown): unknown {
  return ["Events", "LastRestart"].includes(key) ? undefined : value;
}
