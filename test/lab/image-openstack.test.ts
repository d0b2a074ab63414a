import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, prepareFolder } from "../../image/build";
import type { Asked } from "../../image/clouds";
import { bakedPrograms } from "../../lab/machines/image-layers";
import { toolchainRoot } from "../../lab/toolchain/cache";
import { ensureTools } from "../../lab/toolchain/index";
import { run } from "../../lab/toolchain/run";

/** The clouds' image as a template for OpenStack: what Packer's own plugin takes, and refuses. No cloud, and no machine. */

describe("the template for OpenStack", () => {
  /** The least of an identity service: it lets everybody in, and remembers who asked. */
  let identity: Server;
  const methods: string[] = [];
  let url = "";

  beforeAll(async () => {
    identity = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (more: string) => {
        text += more;
      });
      request.on("end", () => {
        const { auth } = JSON.parse(text || "{}") as { auth?: { identity?: { methods?: string[] } } };
        methods.push(`${request.method} ${request.url} ${auth?.identity?.methods?.join()}`);
        response.writeHead(201, { "Content-Type": "application/json", "X-Subject-Token": "a-token" });
        response.end(JSON.stringify({ token: { catalog: [], expires_at: "2099-01-01T00:00:00.000000Z" } }));
      });
    });
    await new Promise<void>((resolve) => identity.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(identity.address() as AddressInfo).port}/v3`;
  });
  afterAll(() => new Promise((resolve) => identity.close(resolve)));

  const asked: Asked = {
    cloud: "openstack",
    name: "trial",
    with: [],
    validate: true,
    sourceImage: "debian-12",
    flavor: "m1.small",
    network: ["0f0c5a44-51b0-4f5a-9a3c-0d0b7f0a5f11"],
    floatingNetwork: "public",
    securityGroup: [],
  };
  const login = () => ({
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    OS_AUTH_URL: url,
    OS_APPLICATION_CREDENTIAL_ID: "an-id",
    OS_APPLICATION_CREDENTIAL_SECRET: "a-secret",
  });

  test("is taken by its plugin, which logs in by an application credential of the environment", async () => {
    expect(await buildImage(asked, { environment: login(), say: () => undefined })).toBeUndefined();
    expect(methods).toContain("POST /v3/auth/tokens application_credential");
    await buildImage({ ...asked, volume: 15 }, { environment: login(), say: () => undefined });
  });

  test("is refused with what the plugin does not know", async () => {
    const tools = await ensureTools(["packer", ...bakedPrograms]);
    const folder = prepareFolder(asked, tools.slice(1));
    try {
      const file = join(folder, "openstack.pkr.hcl");
      writeFileSync(file, readFileSync(file, "utf8").replace("image_visibility", "image_visible"));
      const env = { ...login(), PACKER_PLUGIN_PATH: join(toolchainRoot(), "packer-plugins") };
      const args = ["validate", "-var-file=variables.pkrvars.json", "."];
      const { status, stdout, stderr } = await run(tools[0]?.path ?? "", args, {
        cwd: folder,
        env,
        limitSeconds: 60,
      });
      expect(status).not.toBe(0);
      expect(`${stdout}${stderr}`).toContain('named "image_visible" is not expected here');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
