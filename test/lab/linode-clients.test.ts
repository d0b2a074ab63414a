import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LinodeApi, startLinodeApi } from "../../lab/linode/index";
import { cacheDir } from "../../lab/machines/paths";

/**
 * The emulated Linode as Linode's own programs in Python see it: the library linode_api4 and the command line linode-cli.
 * Both come from PyPI into the cache; without them there and without PyPI these tests are left out.
 */

const packages = ["linode_api4==5.48.0", "linode-cli==5.69.0"];
const venv = join(cacheDir(), "linode-clients", packages.join("-").replaceAll("==", "-"));
const home = mkdtempSync(join(tmpdir(), "hashistack-linode-clients-"));

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run([program, ...args]: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: 240_000, env: { PATH: process.env.PATH ?? "", HOME: home, ...env } };
    const child = execFile(program, args, options, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    child.stdin?.end();
  });
}

/** Gets the programs once. Gives why they are not there, or undefined. */
async function install(): Promise<string | undefined> {
  if (existsSync(join(venv, "complete"))) return undefined;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(venv, { recursive: true });
  for (const argv of [
    ["python3", "-m", "venv", venv],
    [join(venv, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ...packages],
  ]) {
    const { code, err } = await run(argv, pipEnvironment());
    if (code !== 0) return err.trim().split("\n").at(-1) ?? "no words";
  }
  mkdirSync(join(venv, "complete"));
  return undefined;
}

/** Where pip looks, if this host says so in its environment. */
const pipEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] =>
      /^(PIP_|https?_proxy|no_proxy|SSL_|REQUESTS_)/i.test(entry[0]),
    ),
  );

let api: LinodeApi;
let absent: string | undefined;

beforeAll(async () => {
  absent = await install();
  if (absent && !/network|connection|resolve|index|retries|No matching distribution/i.test(absent))
    throw new Error(`The clients cannot be installed: ${absent}`);
});
beforeEach(async () => {
  api = await startLinodeApi();
});
afterEach(() => api.close());
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

const left = async (): Promise<unknown[]> =>
  Object.values((await (await fetch(`${api.url}/lab/left`)).json()) as Record<string, unknown[]>).flat();

describe("Linode's programs in Python", () => {
  test("linode_api4 makes a network with an instance, reads all of it and takes it down", async ({
    skip,
  }) => {
    skip(absent !== undefined, `PyPI cannot be reached: ${absent}`);
    const script = join(__dirname, "support/linode_clients.py");
    const { code, out, err } = await run([join(venv, "bin/python"), script, api.url], {
      LINODE_TOKEN: "rehearsal",
    });
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toEqual({
      profile: "rehearsal",
      regions: ["de-fra-2", "eu-central", "nl-ams", "us-east", "us-ord"],
      price: [5],
      image: ["hashistack"],
      instance: ["python-edge-a", true, true],
      interfaces: ["public", "vpc"],
      vpc: ["10.30.0.2"],
      disks: ["ext4", "swap"],
      devices: ["python-edge-a"],
      members: [true],
      events: ["finished"],
      found: ["python-edge-a"],
      tags: ["python"],
      busy: [400, ["Cannot delete a subnet with Linodes in it: machines has 1."]],
      label: [400, ["Label must be unique among your own."]],
      rules: 0,
      records: [["*", "2001:db8::7"]],
    });
    expect(await left()).toEqual([]);
  });

  test("linode-cli makes, lists, tells a refusal, and takes down", async ({ skip }) => {
    skip(absent !== undefined, `PyPI cannot be reached: ${absent}`);
    const { host } = new URL(api.url);
    const cli = (...args: string[]) =>
      run([join(venv, "bin/linode-cli"), "--json", "--no-defaults", "--suppress-warnings", ...args], {
        LINODE_CLI_TOKEN: "rehearsal",
        LINODE_CLI_API_HOST: host,
        LINODE_CLI_API_SCHEME: "http",
        LINODE_CLI_API_VERSION: "v4",
      });
    const ask = async (...args: string[]) => {
      const { code, out, err } = await cli(...args);
      if (code !== 0) throw new Error(`linode-cli ${args.join(" ")} ended with ${code}: ${err || out}`);
      return out.trim() === "" ? [] : JSON.parse(out);
    };
    expect((await ask("regions", "list")).map(({ id }: { id: string }) => id)).toContain("de-fra-2");
    const [firewall] = await ask(
      ...["firewalls", "create", "--label", "cli", "--rules.inbound_policy", "DROP"],
      ...["--rules.outbound_policy", "ACCEPT", "--rules.outbound", "[]", "--rules.inbound"],
      JSON.stringify([
        { action: "ACCEPT", label: "web", protocol: "TCP", ports: "80", addresses: { ipv4: ["0.0.0.0/0"] } },
      ]),
    );
    const [instance] = await ask(
      ...["linodes", "create", "--label", "cli-edge-a", "--region", "de-fra-2", "--type", "g6-nanode-1"],
      ...["--image", "private/1", "--root_pass", "correct horse battery staple"],
      ...["--firewall_id", String(firewall.id), "--tags", "cli"],
    );
    expect(instance).toMatchObject({ label: "cli-edge-a", status: "provisioning", tags: ["cli"] });
    const refusal = await cli(
      ...["linodes", "create", "--label", "cli-edge-a", "--region", "de-fra-2", "--type", "g6-nanode-1"],
    );
    expect(refusal.code).not.toBe(0);
    expect(refusal.out + refusal.err).toContain("Label must be unique among your own.");
    expect(await ask("firewalls", "devices-list", String(firewall.id))).toMatchObject([
      { entity: { id: instance.id } },
    ]);
    const [domain] = await ask(
      ...["domains", "create", "--type", "master", "--domain", "example.net"],
      ...["--soa_email", "admin@example.net"],
    );
    await ask(
      "domains",
      "records-create",
      String(domain.id),
      "--type",
      "A",
      "--name",
      "*",
      "--target",
      "192.0.2.1",
    );
    expect(await ask("domains", "records-list", String(domain.id))).toMatchObject([{ target: "192.0.2.1" }]);
    const [script] = await ask(
      ...["stackscripts", "create", "--label", "cli-script", "--images", "any/all"],
      ...["--script", '#!/bin/sh\n# <UDF name="who" label="Who" />\n'],
    );
    expect(script).toMatchObject({ label: "cli-script", images: ["any/all"], is_public: false });
    const mine = await ask("stackscripts", "list", "--is_public", "false");
    expect(mine.map(({ id }: { id: number }) => id)).toEqual([script.id]);
    await ask("stackscripts", "delete", String(script.id));
    await ask("domains", "delete", String(domain.id));
    await ask("linodes", "delete", String(instance.id));
    await ask("firewalls", "delete", String(firewall.id));
    await expect.poll(left, { timeout: 5000 }).toEqual([]);
  });
});
