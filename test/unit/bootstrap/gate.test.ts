import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, run, Stage, serverName } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

async function balancer(name: string, ...answers: Answer[]) {
  const { address, asked } = await stage.service(() => answers.shift() ?? [200, "<html>"]);
  return { asked, site: { name, address, domain: serverName, caPem: stage.authority.rootPem } };
}

test("the site is there when each load balancer shows the page, asked by its name", async () => {
  const a = await balancer("edge-a");
  const b = await balancer("edge-b", [404], [502]);
  const ran = await run("gate", { sites: [a.site, b.site], timeoutSeconds: 10 });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(b.asked.map(({ path, host }) => [path, host])).toEqual(Array(3).fill(["/", serverName]));
});

test("what does not show it in time is named, with what it answers", async () => {
  const a = await balancer("edge-a", ...Array<Answer>(50).fill([404]));
  const ran = await run("gate", { sites: [a.site], timeoutSeconds: 1 });
  expect(ran.stderr).toContain(
    `support-a: gate: the site: not so after 1 s; last seen: edge-a answers https://${serverName}/ with 404`,
  );
});

test("a certificate of another name or authority is no answer", async () => {
  const { site } = await balancer("edge-a");
  const ran = await run("gate", { sites: [{ ...site, domain: "other.test" }], timeoutSeconds: 1 });
  expect(ran.stderr).toContain("edge-a: Site did not answer GET /");
  expect(ran.stderr).toContain("certificate refused: Hostname mismatch");
});
