import type { Trial } from "../support/trial";

/** A job of the tests' own, with a task in the machine's network and one in a network of its own. */
export const job = "probe";
export const ways = ["host", "bridge"] as const;
export type Way = (typeof ways)[number];
/** The port at which the task in a network of its own listens there. */
export const inner = 8080;

export interface Allocation {
  ID: string;
  TaskGroup: string;
  ClientStatus: string;
  TaskStates?: Record<string, { Events?: { Type: string; DisplayMessage: string }[] }>;
  AllocatedResources?: { Shared?: { Ports?: { Value: number }[] } };
}

/** The job: the website's own program as its task, with nothing to say. */
export async function probeJob(trial: Trial, machine: string, id = job, change?: object): Promise<object> {
  interface Task {
    Artifacts: { GetterSource: string; GetterOptions: object; GetterMode: string; RelativeDest: string }[];
  }
  const { TaskGroups } = await trial.ask<{ TaskGroups: { Tasks: Task[] }[] }>(
    "nomad",
    "/v1/job/website?namespace=website",
  );
  const program = TaskGroups[0]?.Tasks[0]?.Artifacts.find(({ RelativeDest }) =>
    RelativeDest.endsWith("caddy"),
  );
  const task = (way: Way) => ({
    Name: way,
    Driver: "exec",
    User: "nobody",
    Config: { command: "local/caddy", args: ["respond", "--listen", `:${inner}`, "probe"] },
    Artifacts: [program],
    Identity: { Name: "default", Env: true },
    Env: { HOME: "/alloc/tmp" },
    KillTimeout: 1e9,
    Resources: { CPU: 50, MemoryMB: 64 },
    ...(change ?? { Vault: { Env: false, ChangeMode: "noop" } }),
  });
  const group = (way: Way, network: object) => ({
    Name: way,
    Count: 1,
    Networks: [network],
    RestartPolicy: { Attempts: 0, Mode: "fail" },
    ReschedulePolicy: { Attempts: 0, Unlimited: false },
    Tasks: [task(way)],
  });
  return {
    ID: id,
    Name: id,
    Type: "service",
    Datacenters: ["*"],
    Constraints: [{ LTarget: `\${node.unique.name}`, RTarget: await trial.cloudName(machine), Operand: "=" }],
    TaskGroups: [
      group("host", {}),
      ...(change ? [] : [group("bridge", { Mode: "bridge", DynamicPorts: [{ Label: "web", To: inner }] })]),
    ],
  };
}

/** What a client's Nomad would run tasks by. */
export async function driversOf(trial: Trial, machine: string): Promise<string[]> {
  const name = await trial.cloudName(machine);
  const nodes = await trial.ask<{ ID: string; Name: string }[]>("nomad", "/v1/nodes");
  const id = nodes.find(({ Name }) => Name === name)?.ID;
  const { Drivers } = await trial.ask<{ Drivers: Record<string, { Detected: boolean; Healthy: boolean }> }>(
    "nomad",
    `/v1/node/${id}`,
  );
  return Object.entries(Drivers)
    .filter(([, { Detected, Healthy }]) => Detected && Healthy)
    .map(([driver]) => driver);
}
