import { stackScriptSchema, updateStackScriptSchema } from "@linode/validation";
import { refuse } from "../errors.js";
import { note } from "../jobs.js";
import { list } from "../lists.js";
import type { Call, Route } from "../router.js";
import { find, nextId, now, type State, textAt } from "../state.js";
import type { StackScript, UserDefinedField } from "../types.js";
import { validate } from "../validate.js";

/** StackScripts of the account; those of the community are not here. */

const scriptOf = ({ state, params }: Call): StackScript => find(state.stackScripts, params.scriptId);

/** Linode's limit for a script, in bytes. */
const scriptLimit = 65_535;

function read(text: string): { script: string; user_defined_fields: UserDefinedField[] } {
  if (!text.startsWith("#!")) refuse("Script must begin with a shebang (example: #!/bin/bash).", "script");
  if (Buffer.byteLength(text) > scriptLimit) refuse(`Must be at most ${scriptLimit} bytes.`, "script");
  return { script: text, user_defined_fields: fieldsOf(text) };
}

/** What a script asks for, in tags of its comments: <UDF name="…" label="…" default="…" />. */
export function fieldsOf(script: string): UserDefinedField[] {
  return [...script.matchAll(/<UDF\s+([^>]*?)\/?>/gi)].map(([, attributes = ""]) => {
    const found = Object.fromEntries(
      [...attributes.matchAll(/(\w+)\s*=\s*"([^"]*)"/g)].map(([, name = "", value = ""]) => [
        name.toLowerCase(),
        value,
      ]),
    );
    if (!found.name || !found.label) return refuse("Each UDF needs a name and a label.", "script");
    return { ...found, name: found.name, label: found.label };
  });
}

function create({ state, body }: Call): StackScript {
  validate(stackScriptSchema, body);
  const time = now();
  const made: StackScript = {
    id: nextId(),
    username: "rehearsal",
    user_gravatar_id: "00000000000000000000000000000000",
    label: textAt(body, "label") ?? "",
    description: textAt(body, "description") ?? "",
    images: body.images as string[],
    deployments_total: 0,
    deployments_active: 0,
    is_public: body.is_public === true,
    mine: true,
    created: time,
    updated: time,
    rev_note: textAt(body, "rev_note") ?? "",
    ...read(textAt(body, "script") ?? ""),
  };
  state.stackScripts.set(made.id, made);
  note(state, "stackscript_create", entity(made));
  return made;
}

function update(call: Call): StackScript {
  const one = scriptOf(call);
  const { body } = call;
  validate(updateStackScriptSchema, body);
  const script = textAt(body, "script");
  Object.assign(one, {
    label: textAt(body, "label") ?? one.label,
    description: textAt(body, "description") ?? one.description,
    rev_note: textAt(body, "rev_note") ?? one.rev_note,
    images: Array.isArray(body.images) ? body.images : one.images,
    ...(script === undefined ? {} : read(script)),
    updated: now(),
  });
  note(call.state, "stackscript_update", entity(one));
  return one;
}

function remove(call: Call): object {
  const one = scriptOf(call);
  call.state.stackScripts.delete(one.id);
  note(call.state, "stackscript_delete", entity(one));
  return {};
}

const entity = ({ id, label }: StackScript) => ({
  id,
  label,
  type: "stackscript",
  url: `/v4/linode/stackscripts/${id}`,
});

/** What an instance's first boot runs: the script that its create names, and its environment. */
export function deployment(
  state: State,
  body: Call["body"],
  image: string | undefined,
): { script: string; environment: Record<string, string> } | undefined {
  if (typeof body.stackscript_id !== "number") return undefined;
  const one =
    state.stackScripts.get(body.stackscript_id) ?? refuse("StackScript was not found.", "stackscript_id");
  if (!image || !(one.images.includes("any/all") || one.images.includes(image)))
    refuse("The StackScript is not for this image.", "image");
  const data = (body.stackscript_data ?? {}) as Record<string, unknown>;
  const environment = Object.fromEntries(
    one.user_defined_fields.map(({ name, default: standard }) => {
      const value = data[name] ?? standard;
      if (typeof value !== "string") return refuse(`${name} is required.`, "stackscript_data");
      return [name.toUpperCase(), value];
    }),
  );
  one.deployments_total += 1;
  one.deployments_active += 1;
  return { script: one.script, environment };
}

const base = "/linode/stackscripts";

export const stackScriptRoutes: readonly Route[] = [
  {
    method: "GET",
    path: base,
    answer: ({ state, listing }) => list([...state.stackScripts.values()], listing),
  },
  { method: "POST", path: base, answer: create },
  { method: "GET", path: `${base}/:scriptId`, answer: scriptOf },
  { method: "PUT", path: `${base}/:scriptId`, answer: update },
  { method: "DELETE", path: `${base}/:scriptId`, answer: remove },
];
