import { describe, expect, test } from "vitest";
import { LabError } from "../../../lab/machines/errors.js";
import { labName, machineLink, machineNamespace, routerNamespace } from "../../../lab/machines/names.js";
import { parseAcme, parseName, parseSpec } from "../../../lab/machines/spec.js";

const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----";
const good = {
  name: "dev-control-a-1f2e3d",
  network: { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" },
  firstContact: { user: "ops", authorizedKeys: ["ssh-ed25519 AAAAC3NzaC1 somebody"], hostKey: secret },
};

const parse = (change: object) => parseSpec(JSON.stringify({ ...good, ...change }));
const contact = (change: object) => ({ firstContact: { ...good.firstContact, ...change } });

describe("a machine's spec", () => {
  test("defaults: private, no ports, baked, no memory limit", () => {
    const spec = parse({});
    expect(spec).toMatchObject({ public: false, publicPorts: [], bake: true, name: good.name });
    expect(spec.memoryMb).toBeUndefined();
    expect(spec.firstContact?.hostKey).toBe(`${secret}\n`);
  });

  test.each<[string, object]>([
    ['"colour" is not known; known are name, public,', { colour: "red" }],
    ["name must be a string.", { name: 7 }],
    ['name must be 3 to 50 of a-z, 0-9 and "-", with "-" neither first nor last, not "A".', { name: "A" }],
    ['not "-ab".', { name: "-ab" }],
    [`not "${"a".repeat(51)}".`, { name: "a".repeat(51) }],
    ['name "router" is a namespace of the lab\'s own.', { name: "router" }],
    ["public must be true or false.", { public: "yes" }],
    ["publicPorts[1] must be a port, 1 to 65535.", { public: true, publicPorts: [22, 70000] }],
    ["publicPorts are for a public machine only.", { publicPorts: [22] }],
    ["network must be an object.", { network: [] }],
    ["network.ipv6 must be a string.", { network: { ipv4: "10.0.0.0/24" } }],
    ["network.ipv4 has bits set behind its prefix", { network: { ...good.network, ipv4: "10.0.0.1/24" } }],
    ["host must be a whole number from 2 to 10.", { host: 11 }],
    ["memoryMb must be a whole number from 64.", { memoryMb: 1.5 }],
    ["firstContact must be an object.", { firstContact: null }],
    ["firstContact and userData exclude each other.", { userData: "#cloud-config\n{}\n" }],
    ["userData must be a string.", { firstContact: undefined, userData: {} }],
    ["firstContact.user must be a Linux user name other than root", contact({ user: "root" })],
    ["firstContact.user must be a Linux user name", contact({ user: "a:b" })],
    ["firstContact.authorizedKeys must be a list", contact({ authorizedKeys: [] })],
    [
      "firstContact.authorizedKeys[0] must be one OpenSSH public key.",
      contact({ authorizedKeys: ["a b\nc d"] }),
    ],
  ])("%s", (message, change) => {
    expect(() => parse(change)).toThrow(message);
    expect(() => parse(change)).toThrow(LabError);
    expect(() => parse(change)).toThrow(/^Specification: [^\n]+\.$/);
  });

  test("user data for cloud-init, in place of a first contact", () => {
    const spec = parse({ firstContact: undefined, userData: "#cloud-config\n{}\n" });
    expect([spec.userData, spec.firstContact]).toEqual(["#cloud-config\n{}\n", undefined]);
  });

  test("a host key that is none is not shown", () => {
    expect(() => parse(contact({ hostKey: "hunter2" }))).toThrow(
      /^Specification: firstContact\.hostKey must be a private key in OpenSSH format\.$/,
    );
  });

  test("what the ACME server is asked to be", () => {
    const network = { ipv4: "198.51.100.0/24", ipv6: "fd00:1ab::/64" };
    const read = (change: object) =>
      parseAcme(JSON.stringify({ domains: ["www.dev.test"], network, ...change }));
    expect(read({})).toEqual({ domains: ["www.dev.test"], network });
    expect(() => read({ domains: [] })).toThrow("Specification: domains must be a list of names.");
    expect(() => read({ domains: ["www.dev.test", "*.dev.test"] })).toThrow(
      "domains[1] must be a name such as",
    );
    expect(() => read({ network: { ipv4: "198.51.100.0/24" } })).toThrow("network.ipv6 must be a string.");
  });

  test("what is no JSON object", () => {
    expect(() => parseSpec("")).toThrow("standard input is empty");
    expect(() => parseSpec("{")).toThrow("standard input is not JSON");
    expect(() => parseSpec("[]")).toThrow("the document must be an object");
  });

  test("destroy takes the whole of a machine's answer for its name", () => {
    expect(parseName('{"name": "abc", "id": "abc.1"}')).toBe("abc");
    expect(() => parseName('{"name": "../x"}')).toThrow("name must be 3 to 50");
  });
});

describe("names", () => {
  test("a checkout has a lab of its own, which $HASHISTACK_LAB and --lab override", () => {
    expect(labName(undefined, undefined, "/a")).toMatch(/^hs[0-9a-f]{6}$/);
    expect(labName(undefined, undefined, "/a")).not.toBe(labName(undefined, undefined, "/b"));
    expect(labName(undefined, "env", "/a")).toBe("env");
    expect(labName("asked", "env", "/a")).toBe("asked");
  });

  test.each(["a.b", "A", "../x", "-a", "a".repeat(32)])("a lab cannot be named %s", (name) => {
    expect(() => labName(name, undefined, "/a")).toThrow(LabError);
  });

  test("a machine's namespace is never that of another lab", () => {
    expect(machineNamespace("a", "m-router")).not.toBe(routerNamespace("a-m"));
    expect(machineNamespace("a", "router-x")).toBe("a.m.router-x");
  });

  test("the kernel takes 15 characters for a link", () => {
    for (const index of [1, 244]) expect(machineLink(index).length).toBeLessThanOrEqual(15);
  });
});
