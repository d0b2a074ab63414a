import { createImageSchema, updateImageSchema } from "@linode/validation";
import { notFound, refuse } from "../errors.js";
import { enqueue } from "../jobs.js";
import { list } from "../lists.js";
import type { Call, Route } from "../router.js";
import { type Instance, imagesOf, nextId, now, readTags, type State, textAt } from "../state.js";
import type { Disk, Image } from "../types.js";
import { validate } from "../validate.js";

/** Images: Linode's own, and those that are made of an instance's disk. https://techdocs.akamai.com/linode-api/reference/post-image */

/** A private image takes this much of a disk at most, in MB. */
const sizeLimit = 6144;

/** Clients write the slash of an image's id either way. */
const idOf = ({ params }: Call): string => params.id ?? `${params.owner}/${params.name}`;

function imageOf(call: Call): Image {
  const image = imagesOf(call.state).find(({ id }) => id === idOf(call));
  if (!image) throw notFound();
  return image;
}

/** An image of the account's own: Linode's cannot be changed. */
function ownImage(call: Call): Image {
  const image = imageOf(call);
  if (image.is_public) refuse("You do not have permission to change this image.");
  return image;
}

function diskOf(state: State, id: unknown): { instance: Instance; disk: Disk } {
  for (const instance of state.instances.values()) {
    const disk = instance.disks.find((one) => one.id === id);
    if (disk) return { instance, disk };
  }
  return refuse("Disk was not found.", "disk_id");
}

function create(call: Call): Image {
  const { state, machines, body } = call;
  validate(createImageSchema, body);
  const { instance, disk } = diskOf(state, body.disk_id);
  if (disk.filesystem === "swap") refuse("Swap disks cannot be made into images.", "disk_id");
  const number = nextId();
  const time = now();
  const image: Image = {
    id: `private/${number}`,
    label: textAt(body, "label") ?? disk.label,
    description: textAt(body, "description") ?? null,
    created: time,
    updated: time,
    created_by: "rehearsal",
    deprecated: false,
    eol: null,
    expiry: null,
    is_public: false,
    size: 0,
    total_size: 0,
    status: "creating",
    type: "manual",
    vendor: null,
    capabilities: body.cloud_init === true ? ["cloud-init"] : [],
    regions: [],
    tags: readTags(body.tags),
  };
  state.images.set(number, image);
  enqueue(state, instance, "disk_imagize", async () => {
    try {
      await machines.keep(instance.order, image.id);
    } catch (error) {
      state.images.delete(number);
      throw error;
    }
    const size = Math.min(disk.size, sizeLimit);
    Object.assign(image, { status: "available", size, total_size: size, updated: now() });
  });
  return image;
}

function update(call: Call): Image {
  const image = ownImage(call);
  validate(updateImageSchema, call.body);
  image.label = textAt(call.body, "label") ?? image.label;
  image.description = textAt(call.body, "description") ?? image.description;
  if (Array.isArray(call.body.tags)) image.tags = readTags(call.body.tags);
  image.updated = now();
  return image;
}

/** Machines that were made of it do not need it any more. One that is in the catalogue stays. */
async function remove(call: Call): Promise<object> {
  const { state, machines } = call;
  const { id, status } = ownImage(call);
  const [number] =
    [...state.images].find(([, image]) => image.id === id) ??
    refuse("The emulated account keeps this image.");
  if (status === "creating") refuse("Image is being created.");
  state.images.delete(number);
  await machines.drop(id);
  return {};
}

export const imageRoutes: readonly Route[] = [
  { method: "GET", path: "/images", answer: ({ state, listing }) => list(imagesOf(state), listing) },
  { method: "POST", path: "/images", answer: create },
  ...["/images/:owner/:name", "/images/:id"].flatMap((path): Route[] => [
    { method: "GET", path, answer: imageOf },
    { method: "PUT", path, answer: update },
    { method: "DELETE", path, answer: remove },
  ]),
];
