import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ownCertificate } from "../../../lab/acme/certificate.js";
import { Pebble } from "../../../lab/acme/pebble.js";
import { acmeFiles, endAcme } from "../../../lab/acme/server.js";

describe("the lab's ACME server", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const start = async (program: string, where?: (argv: readonly string[]) => string[]) => {
    const pair = await ownCertificate("192.0.2.10");
    return Pebble.start({ program, folder, pair, caPem: pair.cert, port: 1, names: "127.0.0.1:1", where });
  };

  test("a program that is not there is told in a sentence", async () => {
    await expect(start(join(folder, "pebble"))).rejects.toThrow(/^Pebble cannot begin: spawn \S+ ENOENT\.$/);
  });

  test("one that ends is told with its last words", async () => {
    const says = () => [process.execPath, "-e", "console.error('no port for me'); process.exit(3)"];
    await expect(start("pebble", says)).rejects.toThrow(/^Pebble ended: no port for me/);
  });

  test("to end one that no lab has is a success", async () => {
    expect(acmeFiles("nobody").asked).toBe("/var/lib/hashistack-lab/nobody/acme/asked.json");
    expect(await endAcme("nobody")).toBe(false);
  });
});
