import { refuse } from "./errors.js";
import { type Instance, nextId, now, type State } from "./state.js";
import type { Entity, Event } from "./types.js";

/** Writes down an event that is over already. */
export function note(state: State, action: string, entity: Entity): Event {
  const event = begin(state, action, entity, "finished");
  return Object.assign(event, { percent_complete: 100, duration: 0 });
}

function begin(state: State, action: string, entity: Entity, status: Event["status"]): Event {
  const event: Event = {
    id: nextId(),
    action,
    created: now(),
    duration: null,
    entity,
    message: null,
    percent_complete: 0,
    rate: null,
    read: false,
    secondary_entity: null,
    seen: false,
    status,
    time_remaining: null,
    username: "rehearsal",
  };
  state.events.push(event);
  return event;
}

/** An instance as events name it. */
export const entityOf = ({ view }: Instance): Entity => ({
  id: view.id,
  label: view.label,
  type: "linode",
  url: `/v4/linode/instances/${view.id}`,
});

/**
 * Does something with an instance later, after its jobs before; an event tells how far it is, as Linode's clients poll it.
 * The event is scheduled when this returns. A failure is the event's, and is said aloud.
 */
export function enqueue(
  state: State,
  instance: Instance,
  action: string,
  work: (event: Event) => Promise<void>,
): void {
  const event = begin(state, action, entityOf(instance), "scheduled");
  const started = Date.now();
  const config = instance.configs[0];
  if (config && ["linode_boot", "linode_reboot"].includes(action)) {
    // The provider finds the booted configuration here: helper.GetCurrentBootedConfig.
    event.secondary_entity = {
      id: config.id,
      label: config.label,
      type: "linode_config",
      url: `/v4/linode/instances/${instance.view.id}/configs/${config.id}`,
    };
  }
  instance.last = instance.last.then(async () => {
    event.status = "started";
    try {
      await pause(state.paceMs);
      await work(event);
      event.status = "finished";
    } catch (error) {
      event.status = "failed";
      event.message = error instanceof Error ? error.message : String(error);
      state.say(`${action} of ${instance.view.label} failed: ${event.message}`);
    }
    event.percent_complete = 100;
    event.duration = (Date.now() - started) / 1000;
  });
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Refuses while something is done with the instance: linodego repeats on exactly these words (retries.go). */
export function assertIdle(instance: Instance): void {
  if (!["running", "offline"].includes(instance.view.status)) refuse("Linode busy.");
}
