import { describe, expect, it } from "vitest";
import { type EngineEvent, parseUrn, RunReducer } from "../../../cli/events";
import { clusterPhases } from "../../../cli/phases";

const urn = (type: string, name: string): string => `urn:pulumi:dev::hashistack::${type}::${name}`;

function step(op: string, type: string, name: string, custom = true): { metadata: never } {
  const metadata = { op, urn: urn(type, name), type: type.split("$").pop(), new: { custom } };
  return { metadata } as { metadata: never };
}

const begun = (op: string, type: string, name: string, custom = true): EngineEvent => ({
  timestamp: 1000,
  resourcePreEvent: step(op, type, name, custom),
});
const ended = (op: string, type: string, name: string): EngineEvent => ({
  resOutputsEvent: step(op, type, name),
});

const REMOTE = "pulumi-hashistack:index:Cluster$command:remote:Command";

function reduce(events: readonly EngineEvent[]) {
  const reducer = new RunReducer(clusterPhases);
  for (const event of events) reducer.take(event);
  return reducer.state;
}

describe("parseUrn", () => {
  it("takes types of parents, own type and name apart", () => {
    expect(parseUrn(urn("a:index:B$command:remote:Command", "control-a-apply"))).toEqual({
      types: ["a:index:B", "command:remote:Command"],
      type: "command:remote:Command",
      name: "control-a-apply",
    });
  });
  it("keeps a name that has the separator in it", () => {
    expect(parseUrn(urn("a:b:C", "x::y")).name).toBe("x::y");
  });
});

describe("RunReducer", () => {
  it("counts resources by phase, in the order of the work", () => {
    const state = reduce([
      begun("create", REMOTE, "control-a-apply"),
      begun("create", "command:local:Command", "control-a"),
      ended("create", "command:local:Command", "control-a"),
      begun("create", REMOTE, "control-a-enrol"),
      begun("create", REMOTE, "control-a-signer-profile"),
    ]);
    expect(state.phases).toEqual([
      { title: "machines", known: 1, done: 1 },
      { title: "enrolment", known: 1, done: 0 },
      { title: "signing profiles", known: 1, done: 0 },
      { title: "set-up of machines", known: 1, done: 0 },
    ]);
    expect(state.running.map(({ name }) => name)).toEqual([
      "control-a-apply",
      "control-a-enrol",
      "control-a-signer-profile",
    ]);
    expect([state.known, state.done]).toEqual([4, 1]);
  });

  it("does not count components, providers and the stack", () => {
    const state = reduce([
      begun("create", "pulumi:pulumi:Stack", "hashistack-dev", false),
      begun("create", "pulumi-hashistack:index:Cluster", "cluster", false),
      begun("create", "pulumi:providers:random", "default"),
    ]);
    expect(state.known).toBe(0);
  });

  it("does not show what stays the same as being worked on, but counts it", () => {
    const state = reduce([
      begun("same", "random:index/randomId:RandomId", "a"),
      ended("same", "random:index/randomId:RandomId", "a"),
    ]);
    expect(state.running).toEqual([]);
    expect(state.done).toBe(1);
  });

  it("joins the error of a resource with its name and leaves out the engine's closing words", () => {
    const name = urn(REMOTE, "control-b-apply");
    const state = reduce([
      begun("create", REMOTE, "control-b-apply"),
      {
        diagnosticEvent: {
          urn: name,
          severity: "error",
          message: "control-b: phase units: vault.service failed\n",
        },
      },
      { resOpFailedEvent: step("create", REMOTE, "control-b-apply") },
      {
        diagnosticEvent: {
          urn: urn("pulumi:pulumi:Stack", "hashistack-dev"),
          severity: "error",
          message: "update failed",
        },
      },
    ]);
    expect(state.failures).toEqual([
      {
        resource: "control-b-apply",
        type: "command:remote:Command",
        message: "control-b: phase units: vault.service failed",
      },
    ]);
    expect(state.running).toEqual([]);
  });

  it("says an error of the program itself, which has no resource", () => {
    const state = reduce([
      { diagnosticEvent: { severity: "error", message: "groups.control.keys: must be odd" } },
    ]);
    expect(state.failures).toEqual([{ message: "groups.control.keys: must be odd" }]);
  });

  it("leaves out how the language host introduces a wrong setting", () => {
    const head = "Running program '/w/index.ts' failed with an unhandled exception:\n";
    const said = (message: string): string | undefined =>
      reduce([{ diagnosticEvent: { severity: "error", message: head + message } }]).failures[0]?.message;
    expect(said("SettingsError: name: is missing\nregion: is unknown\n")).toBe(
      "name: is missing\nregion: is unknown",
    );
    expect(said("TypeError: x is not a function\n    at y")).toBe("TypeError: x is not a function\n    at y");
  });

  it("does not say the same words of one resource twice", () => {
    const diagnosticEvent = { urn: urn(REMOTE, "x"), severity: "error", message: "broken" };
    expect(reduce([{ diagnosticEvent }, { diagnosticEvent }]).failures).toHaveLength(1);
    expect(reduce([{ diagnosticEvent }, { diagnosticEvent }]).failures[0]?.message).toBe("broken");
  });

  it("keeps warnings that are the user's and drops the engine's about PATH", () => {
    const warning = (message: string): EngineEvent => ({ diagnosticEvent: { severity: "warning", message } });
    const state = reduce([
      warning("using pulumi-language-nodejs from $PATH at /somewhere"),
      warning("one support machine only"),
      warning("one support machine only"),
    ]);
    expect(state.warnings).toEqual(["one support machine only"]);
  });

  it("names a broken mandatory policy, not an advisory one", () => {
    const policy = (enforcementLevel: string): EngineEvent => ({
      policyEvent: {
        message: "no public SSH",
        policyName: "ssh",
        enforcementLevel,
        resourceUrn: urn(REMOTE, "m"),
      },
    });
    expect(reduce([policy("advisory")]).failures).toEqual([]);
    expect(reduce([policy("mandatory")]).failures).toEqual([
      { resource: "m", message: "policy ssh: no public SSH" },
    ]);
  });

  it("has the summary only at the end", () => {
    expect(reduce([]).summary).toBeUndefined();
    const summaryEvent = { durationSeconds: 3, resourceChanges: { create: 2, same: 1 } };
    expect(reduce([{ summaryEvent }]).summary).toEqual({ create: 2, same: 1 });
  });
});
