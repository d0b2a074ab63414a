import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ThoughtMachines } from "../../../lab/linode/index";
import { type Account, type Answer, eventually, plain, startAccount, untilStatus } from "./support";

/** Images that are made of a disk, as Packer's plugin makes them. */

let account: Account;
let machines: ThoughtMachines;
let id: number;
let disks: { id: number; filesystem: string }[];

beforeEach(async () => {
  machines = new ThoughtMachines();
  account = await startAccount({ machines });
  const made = await account.ask("POST", "/linode/instances", {
    ...plain("becomes-an-image"),
    image: "linode/debian12",
    authorized_keys: ["ssh-ed25519 AAAA builder"],
  });
  id = made.body.id;
  await untilStatus(account, id, "running");
  await account.ask("POST", `/linode/instances/${id}/shutdown`);
  await untilStatus(account, id, "offline");
  disks = (await account.ask("GET", `/linode/instances/${id}/disks`)).body.data;
});
afterEach(() => account.close());

const image = (rest: object = {}): Promise<Answer> =>
  account.ask("POST", "/images", { disk_id: disks[0]?.id, label: "hashistack-1", cloud_init: true, ...rest });
const available = (name: string): Promise<Answer> =>
  eventually(
    `Image ${name}`,
    () => account.ask("GET", `/images/${name}`),
    ({ body }) => body.status === "available",
  );

describe("an image of a disk", () => {
  it("is created later, its event on the instance tells when, and machines are made of it", async () => {
    let done = (): void => undefined;
    const copied = new Promise<void>((resolve) => {
      done = resolve;
    });
    const keep = machines.keep.bind(machines);
    machines.keep = (order, name) => copied.then(() => keep(order, name));
    const { status, body } = await image({ description: "Debian 12", tags: ["hashistack-image"] });
    expect([status, body.status, body.is_public, body.capabilities]).toEqual([
      200,
      "creating",
      false,
      ["cloud-init"],
    ]);
    expect(body.id).toMatch(/^private\/\d+$/);
    const early = await account.ask("POST", "/linode/instances", { ...plain("too-early"), image: body.id });
    expect([early.status, early.body.errors]).toEqual([
      400,
      [{ field: "image", reason: "image is not available yet" }],
    ]);
    done();
    await available(body.id);
    const filter = { "entity.id": id, "entity.type": "linode", action: "disk_imagize" };
    const events = await account.ask("GET", "/account/events", undefined, {
      "x-filter": JSON.stringify(filter),
    });
    expect(events.body.data.map((event: { status: string }) => event.status)).toEqual(["finished"]);
    expect(machines.kept).toEqual(new Set([body.id]));
    // The machine that it was made of is not needed any more.
    await account.ask("DELETE", `/linode/instances/${id}`);
    const made = await account.ask("POST", "/linode/instances", { ...plain("made-of-it"), image: body.id });
    await untilStatus(account, made.body.id, "running");
    expect(machines.running.get(made.body.id)).toMatchObject({ image: body.id });
  });

  it("stands among the account's images, is changed and deleted; Linode's own are not", async () => {
    const { body } = await image();
    await available(body.id);
    const listed = await account.ask("GET", "/images");
    expect(listed.body.data.map((one: { label: string }) => one.label)).toContain("hashistack-1");
    expect((await account.ask("GET", "/lab/left")).body.images).toEqual(["hashistack-1"]);
    const changed = await account.ask("PUT", `/images/${body.id}`, { label: "hashistack-2" });
    expect(changed.body).toMatchObject({ id: body.id, label: "hashistack-2" });
    expect((await account.ask("DELETE", `/images/${encodeURIComponent(body.id)}`)).status).toBe(200);
    expect((await account.ask("GET", `/images/${body.id}`)).status).toBe(404);
    expect(machines.kept.size).toBe(0);
    expect((await account.ask("DELETE", "/images/linode/debian12")).status).toBe(400);
  });

  it("needs a disk of the account's that is no swap, and says so", async () => {
    const swap = disks.find(({ filesystem }) => filesystem === "swap");
    for (const [disk, reason] of [
      [1, "Disk was not found."],
      [swap?.id, "Swap disks cannot be made into images."],
    ]) {
      const { status, body } = await image({ disk_id: disk });
      expect([status, body.errors]).toEqual([400, [{ field: "disk_id", reason }]]);
    }
  });

  it("that cannot be kept is not there, and its event has failed", async () => {
    machines.keep = async () => {
      throw new Error("no room");
    };
    const { body } = await image();
    await eventually(
      "The end of the image",
      () => account.ask("GET", `/images/${body.id}`),
      ({ status }) => status === 404,
    );
    const events = await account.ask("GET", "/account/events");
    expect(events.body.data[0]).toMatchObject({
      action: "disk_imagize",
      status: "failed",
      message: "no room",
    });
  });
});

it("the keys of a create reach its machine", () => {
  // It is off: what it was told stays in the order that it was made by.
  expect([...account.state.instances.values()][0]?.order).toMatchObject({
    image: "linode/debian12",
    rootKeys: ["ssh-ed25519 AAAA builder"],
  });
});
