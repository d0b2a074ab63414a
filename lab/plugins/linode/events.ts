import { type LinodeClient, pause, type Surroundings } from "./client";

/** Waiting as linodego does (waitfor.go): a look every eventPollMs, the first one after that time. */

/** What happens to an instance, by the API's name of the event. */
export type Action = "linode_boot" | "linode_shutdown" | "linode_delete";

/**
 * Does something to an instance and waits for its event to finish (NewEventPoller, WaitForFinished). What there was
 * before is looked up first, so that an older event of the same kind is not taken for this one.
 * @param work answers undefined when there was nothing to do it to: then there is nothing to wait for.
 * @throws when the event failed, or the operation's time is over.
 */
export async function doAndWait(
  linode: LinodeClient,
  instance: number,
  action: Action,
  call: Surroundings,
  work: () => Promise<unknown>,
  wait = true,
): Promise<void> {
  const filter = {
    "+order_by": "created",
    "+order": "desc",
    "entity.type": "linode",
    "entity.id": instance,
    action,
  };
  const list = async () =>
    (await linode.ask(call, (api) => api.getEvents({ page: 1 }, filter))).data.map((event) => event.id);
  const before = new Set(await list());
  if ((await work()) === undefined || !wait) return;
  await explained(`${action} of instance ${instance} did not finish`, async () => {
    let event: number | undefined;
    while (event === undefined) {
      await pause(linode.config.eventPollMs, call);
      event = (await list()).find((id) => !before.has(id));
    }
    await finished(linode, event, call);
  });
}

async function finished(linode: LinodeClient, id: number, call: Surroundings): Promise<void> {
  for (;;) {
    await pause(linode.config.eventPollMs, call);
    const event = await linode.ask(call, (api) => api.getEvent(id));
    if (event.status === "finished") return;
    if (event.status === "failed") {
      throw new Error(`Linode's event ${id} has failed${event.message ? `, ${event.message}` : ""}`);
    }
  }
}

/** Waits until an instance has a status (WaitForInstanceStatus). */
export async function waitForStatus(
  linode: LinodeClient,
  instance: number,
  status: string,
  call: Surroundings,
): Promise<void> {
  let seen = "";
  await explained(
    () => `instance ${instance} did not become ${status}${seen && ` but is ${seen}`}`,
    async () => {
      while (seen !== status) {
        await pause(linode.config.eventPollMs, call);
        seen = (await linode.ask(call, (api) => api.getLinode(instance))).status;
      }
    },
  );
}

/** Says what was waited for when a wait ends badly. */
async function explained(what: string | (() => string), wait: () => Promise<void>): Promise<void> {
  try {
    await wait();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${typeof what === "string" ? what : what()}: ${why}`);
  }
}
