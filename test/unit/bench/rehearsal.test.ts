import { describe, expect, it } from "vitest";
import { certifiedBy } from "../../../bench/rehearsal/certificate";
import { passed, reportText } from "../../../bench/rehearsal/report";
import { adapt, type StackConfig } from "../../../bench/rehearsal/settings";

const prod = (): StackConfig => ({
  "hashistack:name": "prod",
  "hashistack:cloud": { kind: "linode", image: "private/12345678", protect: true },
  "hashistack:adminCidrs": ["203.0.113.7/32"],
  "hashistack:groups": { support: { keys: ["a"] }, control: { keys: ["a", "b", "c"] } },
  "hashistack:dns": { domain: "example.org", owned: true },
});

describe("a rehearsal's settings", () => {
  it("differ in what is the owner's own, and say so", () => {
    const config = prod();
    const changes = adapt(config, false);
    expect(config).toEqual({
      ...prod(),
      "linode:eventPollMs": 500,
      "hashistack:cloud": { kind: "linode", image: "private/1", protect: true },
      "hashistack:adminCidrs": ["192.0.2.10/32", "fd00:1ab:ff::10/128"],
    });
    expect(changes).toHaveLength(3);
  });

  it("have one machine in each group where a small one is asked for", () => {
    const config = prod();
    expect(adapt(config, true)).toContain("groups.control.keys: [a], without b, c");
    expect(config["hashistack:groups"]).toEqual({ support: { keys: ["a"] }, control: { keys: ["a"] } });
  });

  it("name the ACME server, and leave who writes its records to the domain that the stack owns", () => {
    const config = prod();
    const settings = {
      ...{ directory: "https://192.0.2.10:14000/dir", ca: "pem", provider: "linode" as const },
      ...{ api: "https://192.0.2.10:8443", resolvers: ["192.0.2.10"] },
    };
    expect(certifiedBy(config, { settings })).toContain(settings.directory);
    const { provider, ...told } = settings;
    expect(config["hashistack:acme"]).toEqual({
      ...{ email: "ops@example.org", ...told },
      credential: { token: "rehearsal" },
    });
  });

  it("are of a stack at Linode", () => {
    expect(() => adapt({}, true)).toThrow(
      "only a stack at Linode can be rehearsed; this one's cloud is local",
    );
  });
});

describe("a rehearsal's report", () => {
  const report = {
    stack: "prod",
    changes: ["cloud.image: private/1"],
    checks: [
      { what: "the stack comes up", ok: true, found: "80 s" },
      { what: "nothing is left", ok: false, found: "prod-edge-a" },
    ],
    calls: { "GET /vpcs": 2, "POST /linode/instances": 12 },
  };

  it("counts calls and says what is wrong", () => {
    expect(passed(report)).toBe(false);
    expect(reportText(report).split("\n").slice(5)).toEqual([
      "  ok     the stack comes up  80 s",
      "  WRONG  nothing is left     prod-edge-a",
      "",
      "Calls of Linode's API, 14 in all:",
      "      2  GET /vpcs",
      "     12  POST /linode/instances",
      "",
      "Something is not as it should be.",
    ]);
    expect(passed({ ...report, checks: report.checks.slice(0, 1) })).toBe(true);
    expect(passed({ ...report, checks: [] })).toBe(false);
  });
});
