import { createHash } from "node:crypto";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readAsset } from "../../../components/provisioning/assets";
import { FolderMachine } from "./machine";

// Each program is a process of its own: a busy machine takes its time over them.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let machine: FolderMachine;
beforeEach(() => {
  machine = new FolderMachine();
});
afterEach(() => machine.end());

const none = { drift: [], pending: [] };

test("an artifact that was changed, made unreadable or taken away is named, and put back", async () => {
  machine.write("srv/artifacts/.keep", "");
  const store = join(machine.root, "srv/artifacts");
  const source = readAsset("provisioning/machine/publish.py").replace(
    '"/srv/artifacts"',
    JSON.stringify(store),
  );
  const content = "the page";
  const input = { name: "index.html", content: Buffer.from(content).toString("base64") };
  const run = async (verb: "create" | "check" | "repair") => {
    const ran = await machine.run("publish", input, verb, { source });
    expect(ran.stderr).toBe("");
    return JSON.parse(ran.stdout) as { drift: { what: string; why: string }[]; changed: string[] };
  };
  const file = `srv/artifacts/${createHash("sha256").update(content).digest("hex")}/index.html`;
  await run("create");
  expect(await run("check")).toEqual(none);

  machine.append(file, "!");
  expect((await run("check")).drift).toMatchObject([
    { what: "artifact index.html", why: "its content was changed", heals: true },
  ]);
  expect(machine.read(file)).toBe("the page!");
  expect((await run("repair")).changed).toEqual(["artifact index.html"]);
  expect(machine.read(file)).toBe(content);

  chmodSync(join(machine.root, file), 0o666);
  expect((await run("check")).drift).toHaveLength(1);
  await run("repair");
  expect(await run("check")).toEqual(none);
  expect((await run("repair")).changed).toEqual([]);
});

test("a program that is not the one of the image's record is not published", async () => {
  machine.write("srv/artifacts/.keep", "");
  const source = readAsset("provisioning/machine/publish.py")
    .replace('"/srv/artifacts"', JSON.stringify(join(machine.root, "srv/artifacts")))
    .replaceAll('"/opt/hashistack/bin/', `"${machine.root}/opt/hashistack/bin/`);
  const sha256 = createHash("sha256").update("fabio").digest("hex");
  machine.write("opt/hashistack/bin/fabio-1", "fabio");
  machine.write("opt/hashistack/bin/fabio-1.sha256", `${sha256}\n`);
  const input = { name: "fabio", program: { name: "fabio", version: "1" } };
  const run = () => machine.run("publish", input, "create", { source });
  expect(JSON.parse((await run()).stdout)).toEqual({ path: `${sha256}/fabio`, sha256 });
  machine.append("opt/hashistack/bin/fabio-1", "!");
  const refused = await run();
  expect(refused.stderr).toContain("fabio 1 is not the program that the image's record names");
  expect(readdirSync(join(machine.root, "srv/artifacts")).sort()).toEqual([".keep", sha256]);
  machine.write("opt/hashistack/bin/fabio-1.sha256", "");
  expect((await run()).stderr).toContain("fabio 1 is not on this machine");
});

test("a signing profile that is gone or was widened is named, and nothing is written by looking", async () => {
  const profile = { label: "consul", authKey: "0f".repeat(32), nameWhitelist: "^(a)$", expiryHours: 720 };
  const input = { machine: "dev-client-a", port: 1, profiles: [profile] };
  const check = async () => {
    const ran = await machine.run("signer_register", input, "check");
    expect(ran.stderr).toBe("");
    return JSON.parse(ran.stdout) as { drift: { what: string; why: string }[] };
  };
  const missing = { what: "signing profile of dev-client-a", why: "it is missing", heals: true };
  expect((await check()).drift).toMatchObject([missing]);
  expect(readdirSync(machine.root)).toEqual(["fake"]);
  const { label, ...asked } = profile;
  const text = JSON.stringify({ [label]: asked }, ["authKey", "consul", "expiryHours", "nameWhitelist"], 1);
  machine.write("etc/hashistack/signer/profiles.d/dev-client-a.json", `${text}\n`, 0o600);
  expect(await check()).toEqual(none);
  machine.write("etc/hashistack/signer/profiles.d/dev-client-a.json", `${text.replace("(a)", "(.*)")}\n`);
  expect((await check()).drift).toMatchObject([{ why: "its content was changed" }]);
});
