/** What local.Command and remote.Command have in common. */
import { randomBytes } from "node:crypto";
import type { Call, Property, Values } from "../common/kinds";
import { Output } from "./output";

/** provider/pkg/provider/common/inputs.go, and `logging` and `stdin` of both commands (pulumi-command v1.2.1). */
export const COMMON_INPUTS: Record<string, Property> = {
  triggers: { type: "list", of: { type: "any" }, forceNew: true },
  create: { type: "string" },
  update: { type: "string" },
  delete: { type: "string" },
  stdin: { type: "string" },
  addPreviousOutputInEnv: { type: "boolean" },
  logging: {
    type: "string",
    validate: (value) =>
      ["stdout", "stderr", "stdoutAndStderr", "none"].includes(value as string)
        ? undefined
        : "must be stdout, stderr, stdoutAndStderr or none",
  },
};

/** How a command ended, and what of its output is kept. */
export interface Ended {
  stdout: string;
  stderr: string;
}

/** Runs one command line with a resource's properties. */
export type Run = (command: string, properties: Values, previous: Ended, call: Call) => Promise<Ended>;

/** create, update and delete as commandController.go has them: `update` falls back to `create`. */
export function lifecycle(run: Run) {
  const nothing: Ended = { stdout: "", stderr: "" };
  return {
    async create(inputs: Values, call: Call) {
      // resource.NewUniqueHex(name, 8, 0)
      const id = `${call.name}${randomBytes(4).toString("hex")}`;
      const command = inputs.create as string | undefined;
      const ended = command === undefined ? nothing : await run(command, inputs, nothing, call);
      return { id, outputs: { ...ended } };
    },
    async update(_id: string, state: Values, inputs: Values, call: Call): Promise<Values> {
      const previous = previousOf(state);
      const command = (inputs.update ?? inputs.create) as string | undefined;
      return { ...(command === undefined ? previous : await run(command, inputs, previous, call)) };
    },
    async delete(_id: string, state: Values, call: Call): Promise<void> {
      const command = state.delete as string | undefined;
      if (command !== undefined) await run(command, state, previousOf(state), call);
    },
  };
}

function previousOf(state: Values): Ended {
  return {
    stdout: (state.stdout as string | undefined) ?? "",
    stderr: (state.stderr as string | undefined) ?? "",
  };
}

/** The previous run's output as environment, unless that is switched off. */
export function previousOutput(properties: Values, previous: Ended): Record<string, string> {
  if (properties.addPreviousOutputInEnv === false) return {};
  return {
    ...(previous.stdout === "" ? {} : { PULUMI_COMMAND_STDOUT: previous.stdout }),
    ...(previous.stderr === "" ? {} : { PULUMI_COMMAND_STDERR: previous.stderr }),
  };
}

/** Collects a command's output and logs it as `logging` allows. */
export function outputFor(properties: Values, call: Call): Output {
  return new Output((properties.logging as string | undefined) ?? "stdoutAndStderr", (line) =>
    call.log(line, "status"),
  );
}
