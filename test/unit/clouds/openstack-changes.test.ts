import { beforeAll, describe, expect, test } from "vitest";
import { OpenStackCloud, type OpenStackCloudArgs } from "../../../components/clouds/openstack";
import { campus, dualStack, made, one } from "./campus";
import { type Recording, recording } from "./recording";
import { openstackAnswers, support, web, worker } from "./requests";

/** What a change of what OpenStack is asked for does to a machine that lives. */

/** docs/openstack.md has this as a table. */
describe("what becomes of a machine that lives", () => {
  let recorded: Recording<unknown>;
  beforeAll(async () => {
    recorded = await made(
      { ...campus, rootVolume: { sizeGb: 30 } },
      support,
      web("edge-a"),
      worker("client-a"),
    );
  });

  test("another name is another machine, with a port and a floating address of its own, beside the first", () => {
    for (const [id, property] of [
      ["compute.Instance edge-a", "name"],
      ["networking.Port edge-a", "name"],
      ["networking.FloatingIp edge-a", "description"],
    ] as const) {
      const resource = one(recorded, id);
      expect(resource.replaceOnChanges, id).toEqual([property]);
      expect(resource.deleteBeforeReplace, id).toBe(false);
      expect(resource.inputs[property], id).toBe("campus-edge-a-12345678");
    }
  });

  test("a machine with a number goes before its successor comes, which has its port and its floating address", () => {
    expect(one(recorded, "compute.Instance support-a")).toMatchObject({
      replaceOnChanges: ["name"],
      deleteBeforeReplace: true,
    });
    for (const id of ["networking.Port support-a", "networking.FloatingIp support-a"]) {
      expect(one(recorded, id), id).toMatchObject({ replaceOnChanges: [], deleteBeforeReplace: false });
    }
  });

  test("image, user data, flavor, volume and hosts wait for the next machine: no input but these and the port could touch it", () => {
    const touching = ["imageId", "blockDevices", "userData", "flavorName", "schedulerHints", "configDrive"];
    for (const name of ["support-a", "edge-a", "client-a"]) {
      const { inputs, ignoreChanges } = one(recorded, `compute.Instance ${name}`);
      expect([...ignoreChanges].sort()).toEqual([...touching].sort());
      // Changed in place by Nova, without a restart (v1.54.1, resource_openstack_compute_instance_v2.go).
      const harmless = ["name", "networks", "metadata", "tags"];
      expect(Object.keys(inputs).filter((key) => ![...touching, ...harmless].includes(key))).toEqual([]);
    }
  });

  test("another prefix, by which it would lose its address, is refused by the engine where the settings protect", async () => {
    const guarded = await made({ ...dualStack, protect: true }, worker("client-a"));
    expect(guarded.resources.filter((each) => each.protect).map(({ id }) => id)).toEqual([
      "networking.Network private",
      "networking.Subnet private-ipv4",
      "networking.Subnet private-ipv6",
    ]);
  });

  test("IPv6 that comes later asks for another network, which is refused by the engine where the settings protect", async () => {
    const network = async (args: OpenStackCloudArgs) =>
      one(await made(args, worker("client-a")), "networking.Network private");
    const [before, after] = [
      await network({ ...campus, protect: true }),
      await network({ ...dualStack, protect: true }),
    ];
    expect(before.protect && after.protect).toBe(true);
    const differing = Object.keys(after.inputs).filter((key) => after.inputs[key] !== before.inputs[key]);
    expect(differing.filter((key) => key !== "tags")).toEqual(["description"]);
    expect(after.replaceOnChanges).toEqual(["description"]);
  });

  test("only the machine itself is protected", async () => {
    const pet = await recording(
      () => new OpenStackCloud(campus).machine(support, { protect: true }),
      openstackAnswers,
    );
    expect(pet.resources.filter((each) => each.protect).map(({ id }) => id)).toEqual([
      "compute.Instance support-a",
    ]);
  });
});
