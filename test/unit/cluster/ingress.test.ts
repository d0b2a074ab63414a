import { beforeAll, expect, test } from "vitest";
import { configOf, devStack } from "../settings/stack-files";
import { type Deployment, deploy } from "./deployment";

/** What of the dev stack is another one when Traefik takes Fabio's place. */

let fabio: Deployment;
let traefik: Deployment;
beforeAll(async () => {
  const config = configOf(devStack);
  fabio = await deploy(config);
  traefik = await deploy({ ...config, "hashistack:site": JSON.stringify({ ingress: "traefik" }) });
}, 60_000);

const idsOf = ({ resources }: Deployment) => resources.map(({ id }) => id);

test("another program comes in the place of the one, with what puts it onto support; all else is told of it or left alone", () => {
  const [before, after] = [idsOf(fabio), idsOf(traefik)];
  const gone = before.filter((id) => !after.includes(id));
  const come = after.filter((id) => !before.includes(id));
  expect({ gone, come }).toMatchInlineSnapshot(`
    {
      "come": [
        "local.Command support-a-programs",
        "remote.Command artifact-traefik",
      ],
      "gone": [
        "remote.Command artifact-fabio",
      ],
    }
  `);
});

test("load balancers that nobody outside reaches have no address to show the site at, but its name", async () => {
  const config = configOf(devStack);
  const groups = JSON.parse(config["hashistack:groups"] as string);
  groups.edge.public = false;
  const inside = await deploy({ ...config, "hashistack:groups": JSON.stringify(groups) });
  const urlOf = ({ outputs }: Deployment) => new Promise((resolve) => outputs.siteUrl?.apply(resolve));
  expect(await urlOf(inside)).toBe("https://www.dev.test/");
  expect(await urlOf(fabio)).toMatch(/^https:\/\/[0-9.]+\/$/);
});

test("what stands behind the ingress is left alone: the website's tags serve either", () => {
  const website = ({ resources }: Deployment) =>
    resources.find(({ id }) => id === "remote.Command website")?.inputs;
  expect(website(fabio)).toBeDefined();
  expect(website(traefik)).toEqual(website(fabio));
});

test("the program is put onto support and no other machine, before support hands it out", () => {
  const installed = traefik.resources.find(({ id }) => id === "local.Command support-a-programs");
  expect(installed?.inputs).toMatchObject({ create: "install", update: "install" });
  const apply = traefik.resources.find(({ id }) => id === "remote.Command support-a-apply");
  expect(apply?.dependencies).toContain("local.Command support-a-programs");
});
