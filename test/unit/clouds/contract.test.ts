import { beforeAll, describe, expect, test } from "vitest";
import type { Cloud, CloudMachine, MachineRequest } from "../../../components/clouds/cloud";
import { inClear, isSecret, opened } from "../cluster/deployment";
import { type CloudUnderTest, cloudsUnderTest } from "./clouds";
import { type Asked, inside, type Recording, recording } from "./recording";
import { support, web, worker } from "./requests";

/** What holds of every cloud, whatever it is made of: the same requests, and the same answers in the contract's words. */

type Made = Recording<Record<string, CloudMachine>>;

function made(cloud: CloudUnderTest, requests: MachineRequest[], protect?: boolean): Promise<Made> {
  return recording(() => {
    const adapter: Cloud = cloud.make();
    return Object.fromEntries(
      requests.map((request) => [request.name, adapter.machine(request, protect ? { protect } : {})]),
    );
  }, cloud.answers);
}

describe.each(cloudsUnderTest)("$kind", (cloud) => {
  const requests = [support, web("edge-a"), web("edge-b"), worker("client-a")];
  let all: Made;
  beforeAll(async () => {
    all = await made(cloud, requests);
  });

  const machineOf = (recorded: Recording<unknown>, name: string): Asked => {
    const found = recorded.resources.find(({ id }) => id === `${cloud.machineKind} ${name}`);
    if (!found) throw new Error(`no ${cloud.machineKind} ${name} was asked for`);
    return found;
  };
  const answered = (recorded: Made, name: string): CloudMachine => recorded.value[name] as CloudMachine;

  test("says its kind", async () => {
    const { value } = await recording(() => cloud.make().kind, cloud.answers);
    expect(value).toBe(cloud.kind);
  });

  test("a machine is one resource, named by its slot, with its name in the cloud among the inputs", () => {
    for (const { name, cloudName } of requests) {
      expect(JSON.stringify(opened(machineOf(all, name).inputs)), name).toContain(`${cloudName}`);
    }
    expect(all.resources.filter(({ kind }) => kind === cloud.machineKind)).toHaveLength(requests.length);
  });

  test("another name is another machine", () => {
    for (const { name, cloudName } of requests) {
      const machine = machineOf(all, name);
      const property = cloud.renamedBy;
      expect(opened<unknown>(machine.inputs[property]), name).toEqual(
        property === "triggers" ? [cloudName] : cloudName,
      );
      // A trigger replaces by itself.
      if (property !== "triggers") expect(machine.replaceOnChanges, name).toContain(property);
      expect(machine.ignoreChanges, name).not.toContain(property);
    }
  });

  test("the id is the machine's, so that another machine has another", async () => {
    for (const { name } of requests) {
      const id = await inside(answered(all, name).id);
      expect(id, name).toMatch(new RegExp(name));
      expect(answered(all, name).resource, name).toBeDefined();
    }
    const ids = await Promise.all(requests.map(({ name }) => inside(answered(all, name).id)));
    expect(new Set(ids).size).toBe(requests.length);
  });

  test("a machine with a number has it in each private network, and goes before its successor comes", async () => {
    const machine = answered(all, support.name);
    expect(await inside(machine.privateIpv4)).toMatch(/\.2$/);
    expect((await inside(machine.privateIpv6)) ?? "::2").toMatch(/::2$/);
    expect(machineOf(all, support.name).deleteBeforeReplace).toBe(true);
  });

  test("a machine without one comes before its predecessor goes", () => {
    for (const name of ["edge-a", "client-a"]) expect(machineOf(all, name).deleteBeforeReplace).toBe(false);
  });

  test("every machine has a private address of its own", async () => {
    const addresses = await Promise.all(requests.map(({ name }) => inside(answered(all, name).privateIpv4)));
    for (const address of addresses) expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(new Set(addresses).size).toBe(requests.length);
  });

  test("a public machine answers where it is reached, without prefix length", async () => {
    for (const name of [support.name, "edge-a"]) {
      const { adminAddress, publicIpv4, publicIpv6 } = answered(all, name);
      expect(await inside(adminAddress), name).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect(await inside(publicIpv4), name).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
      expect((await inside(publicIpv6)) ?? "::1", name).toMatch(/^[0-9a-f:]+$/);
    }
  });

  test("a cloud that says it has public IPv6 gives it to public machines", async () => {
    const { value } = await recording(() => {
      const adapter = cloud.make();
      return { says: adapter.publicIpv6 ?? false, machine: adapter.machine(web("edge-a"), {}) };
    }, cloud.answers);
    if (value.says) expect(await inside(value.machine.publicIpv6)).toMatch(/:/);
  });

  test("a machine that is not public answers no address that is reached from outside", async () => {
    const { adminAddress, publicIpv4, publicIpv6 } = answered(all, "client-a");
    for (const address of [adminAddress, publicIpv4, publicIpv6]) {
      expect(await inside(address as CloudMachine["publicIpv4"])).toBeUndefined();
    }
  });

  test("the filter lets in the openings and nothing else, from whom they are for", () => {
    const tcp = (source: string, ...ports: number[]) => ports.map((port) => `tcp ${port} from ${source}`);
    const world = cloud.saysSources ? ["0.0.0.0/0", ...(cloud.ipv6World ? ["::/0"] : [])] : ["anywhere"];
    const admins = cloud.saysSources ? cloud.adminSources : ["anywhere"];
    const expected = (sources: string[], ports: number[]) =>
      sources.flatMap((source) => tcp(source, ...ports)).sort();
    expect(cloud.lets(all.resources, support.name)).toEqual(expected(admins, [22, 8200]));
    expect(cloud.lets(all.resources, "edge-a")).toEqual(expected(world, [80, 443]));
    expect(cloud.lets(all.resources, "client-a")).toEqual([]);
  });

  test("all that a machine learns at its birth is secret in the state, and only the throw-away key is a secret", () => {
    for (const { name, firstContact } of requests) {
      const machine = machineOf(all, name);
      expect(isSecret(machine.inputs[cloud.birth]), name).toBe(true);
      expect(JSON.stringify(inClear(machine.inputs)), name).not.toContain("OPENSSH PRIVATE KEY");
      const told = cloud.told(opened(machine.inputs[cloud.birth]));
      const key = String(firstContact.hostKey);
      expect(told.split("BEGIN OPENSSH PRIVATE KEY").length - 1, name).toBe(1);
      expect(told, name).toContain(JSON.stringify(key.trim()).slice(1, -1));
      expect(told, name).toContain("ssh-ed25519 AAAA login");
      expect(told, name).not.toMatch(/passw(or)?d["']?\s*:\s*["']|token|BEGIN CERTIFICATE/i);
    }
  });

  test("what it learns follows from the first contact alone: neither openings nor size nor number change it", async () => {
    const contact = worker("client-a");
    const first = await made(cloud, [contact]);
    const other = await made(cloud, [
      { ...web("client-a"), size: cloud.otherSize, host: 7, stateful: true, spread: "x" },
    ]);
    const told = (recorded: Made) =>
      cloud.contact(opened(machineOf(recorded, "client-a").inputs[cloud.birth]));
    expect(told(other)).toEqual(told(first));
  });

  test("protection is the machine's alone", async () => {
    const recorded = await made(cloud, [support], true);
    expect(recorded.resources.filter((one) => one.protect).map(({ id }) => id)).toEqual([
      `${cloud.machineKind} support-a`,
    ]);
  });

  test("a machine more changes nothing of the others", async () => {
    const fewer = await made(cloud, [support, web("edge-a"), worker("client-a")]);
    const named = new Map(all.resources.map((one) => [one.id, one]));
    for (const one of fewer.resources) {
      // A firewall of Linode's lists the machines behind it.
      const { dependencies: _, ...rest } = one;
      const { dependencies: __, ...same } = named.get(one.id) as Asked;
      expect(cloud.withoutMembers(same), one.id).toEqual(cloud.withoutMembers(rest));
    }
  });

  test("the order of machines is no matter", async () => {
    const turned = await made(cloud, [...requests].reverse());
    const told = (recorded: Made) => recorded.resources.map((one) => cloud.withoutMembers(one));
    expect(told(turned)).toEqual(told(all));
  });

  test("all that is made has a name of its own cluster, so that another takes nothing of it", () => {
    for (const one of all.resources) {
      for (const property of ["name", "label"]) {
        const name = one.inputs[property];
        if (typeof name === "string") expect(name, one.id).toMatch(/^campus(-|$)/);
      }
    }
  });

  test("a preview, which knows nothing yet, asks for the same resources", async () => {
    const preview = await recording(
      () => {
        const adapter = cloud.make();
        for (const request of requests) adapter.machine(request, {});
      },
      { ...cloud.answers, preview: true },
    );
    expect(preview.resources.map(({ id }) => id)).toEqual(all.resources.map(({ id }) => id));
  });
});
