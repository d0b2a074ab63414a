import { expect, test } from "vitest";
import { mergePlans, PlanError } from "../../../components/provisioning/merge";
import type { PlanFragment, PlannedFile } from "../../../components/provisioning/plan";

const frame = { machine: "control-a", hostname: "dev-control-a", signer: { serverName: "s", caPem: "ca" } };
const file = (more: Partial<PlannedFile> = {}): PlannedFile => ({
  path: "/etc/a.conf",
  content: "a",
  owner: "root",
  group: "root",
  mode: "0644",
  ...more,
});
const merge = (one: PlanFragment, two: PlanFragment) => mergePlans(frame, { one, two });
const refusal = (one: PlanFragment, two: PlanFragment) => {
  try {
    merge(one, two);
  } catch (error) {
    expect(error).toBeInstanceOf(PlanError);
    return (error as Error).message;
  }
  return "merged";
};

test("equal items are one, in the order of who asked first", () => {
  const user = { name: "consul", home: "/var/lib/consul" };
  const plan = merge(
    { packages: ["b", "a"], users: [user], files: [file()], units: [{ name: "b.service", enable: true }] },
    {
      packages: ["a", "c"],
      users: [{ ...user }],
      files: [file()],
      units: [{ name: "a.service", enable: true }],
    },
  );
  expect(plan.packages).toEqual(["b", "a", "c"]);
  expect(plan.users).toEqual([user]);
  expect(plan.files).toEqual([file()]);
  expect(plan.units.map((unit) => unit.name)).toEqual(["b.service", "a.service"]);
  expect(plan).toMatchObject({
    ...frame,
    zones: [],
    checks: [],
    certificates: [],
    programs: [],
    directories: [],
  });
});

test("whoever takes notice of a shared file takes it", () => {
  const restart = { unit: "a.service", action: "restart" } as const;
  const reload = { unit: "b.service", action: "reload" } as const;
  const plan = merge(
    { files: [file({ notifies: [restart] })] },
    { files: [file({ notifies: [restart, reload] })] },
  );
  expect(plan.files[0]?.notifies).toEqual([restart, reload]);
});

test("zones of one name add up", () => {
  const zone = {
    name: "hs10",
    sources: ["10.0.0.0/8"],
    ports: [{ port: "22", protocol: "tcp" }],
    description: "x",
  };
  const plan = merge(
    { zones: [{ ...zone, ports: [{ port: "22", protocol: "tcp" }] }] },
    { zones: [{ ...zone, ports: [{ port: "53", protocol: "udp" }], sources: ["fd00::/8"] }] },
  );
  expect(plan.zones).toEqual([
    {
      name: "hs10",
      sources: ["10.0.0.0/8", "fd00::/8"],
      ports: [
        { port: "22", protocol: "tcp" },
        { port: "53", protocol: "udp" },
      ],
      description: "x",
    },
  ]);
});

test("a clash names the machine, the thing and both sides", () => {
  expect(refusal({ files: [file()] }, { files: [file({ content: "b" })] })).toBe(
    "control-a: file /etc/a.conf is asked for by one and by two, and the two differ.",
  );
  expect(refusal({ files: [file()] }, { files: [file({ mode: "0600" })] })).toContain("/etc/a.conf");
  expect(
    refusal(
      { units: [{ name: "a.service", content: "1", enable: true }] },
      { units: [{ name: "a.service", content: "2", enable: true }] },
    ),
  ).toBe("control-a: unit a.service is asked for by one and by two, and the two differ.");
  expect(
    refusal(
      { programs: [{ name: "consul", version: "1" }] },
      { programs: [{ name: "consul", version: "2" }] },
    ),
  ).toContain("program consul");
  expect(refusal({ files: [file(), file({ content: "b" })] }, {})).toContain("is asked for twice in one");
});

test("two units that listen on one port, and two zones that claim one source, are refused", () => {
  const listens = (unit: string, target: string): PlanFragment => ({
    checks: [{ what: `${unit} listens`, kind: "tcp", target, timeoutSeconds: 1, journalOf: unit }],
  });
  expect(refusal(listens("a.service", "[::1]:80"), listens("b.service", "127.0.0.1:80"))).toBe(
    "control-a: port 80 is wanted by a.service and by b.service.",
  );
  const zone = (name: string) => ({ zones: [{ name, sources: ["10.0.0.0/8"], ports: [], description: "" }] });
  expect(refusal(zone("hs10"), zone("hs20"))).toBe(
    "control-a: zones hs10 and hs20 both claim the source 10.0.0.0/8.",
  );
  expect(refusal(zone("a-name-of-18-chars"), {})).toContain("at most 17 characters");
});
