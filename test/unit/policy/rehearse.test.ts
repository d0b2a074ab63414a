import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rehearseLinode } from "../../../policy/run/rehearse";

const closed = vi.hoisted(() => ({ count: 0 }));
vi.mock("../../../lab/linode", async (original) => {
  const { startLinodeApi } = await original<typeof import("../../../lab/linode")>();
  return {
    startLinodeApi: async () => {
      const api = await startLinodeApi();
      return { ...api, close: () => api.close().then(() => void closed.count++) };
    },
  };
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hashistack-unit-"));
  closed.count = 0;
});
afterEach(() => rmSync(folder, { recursive: true }));

const settings = (dns: object): string => {
  const file = join(folder, "Pulumi.prod.yaml");
  writeFileSync(file, JSON.stringify({ config: { "hashistack:dns": dns } }));
  return file;
};

test("what the program looks up is there: the domain of its settings", async () => {
  const rehearsal = await rehearseLinode(settings({ provider: "linode", domain: "example.org" }));
  const answer = await fetch(`${rehearsal.env.LINODE_URL}/v4/domains`, {
    headers: { authorization: `Bearer ${rehearsal.env.LINODE_TOKEN}` },
  });
  expect(await answer.json()).toMatchObject({ data: [{ domain: "example.org" }] });
  await rehearsal.close();
});

test.each([
  ["refuses", { domain: "no domain" }, "refused the domain no domain"],
  ["is not reached", { domain: "example.org" }, "fetch failed"],
])("an emulated Linode that %s is ended: nobody would wait for it", async (how, dns, why) => {
  if (how === "is not reached")
    vi.spyOn(globalThis, "fetch").mockRejectedValueOnce(new TypeError("fetch failed"));
  await expect(rehearseLinode(settings({ provider: "linode", ...dns }))).rejects.toThrow(why);
  expect(closed.count).toBe(1);
  vi.restoreAllMocks();
});
