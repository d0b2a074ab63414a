import { existsSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { startLinodeApi } from "../linode/index.js";
import { outsideOf } from "../linode/lab-linode.js";
import { openOutside } from "../linode/outside.js";
import { messageOf } from "../machines/errors.js";
import { writeAtomically } from "../machines/state.js";
import { raiseAcme } from "./outside.js";
import { type AcmeAnswer, type AskedAcme, acmeFiles } from "./server.js";

/**
 * The ACME server of a lab, with an emulated Linode that serves its domains: runs until it is killed, with its children.
 * usage: main.js LAB
 */
async function main(lab: string): Promise<void> {
  const { dir, asked, socket, answer } = acmeFiles(lab);
  const { domains, token, program } = JSON.parse(readFileSync(asked, "utf8")) as AskedAcme;
  if (existsSync(socket)) rmSync(socket);
  await startLinodeApi({ tokens: [token], listen: socket });
  for (const domain of domains) await serve(socket, token, domain);
  await openOutside(lab, socket);
  const { settings } = await raiseAcme({ program, fromOutside: outsideOf(lab), folder: dir });
  const { directory, ca, api, resolvers } = settings;
  const told: AcmeAnswer = { directory, ca, api, resolvers, token };
  writeAtomically(answer, JSON.stringify(told));
}

/** Has the emulated account serve a domain. */
function serve(socketPath: string, token: string, domain: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const asked = request(
      { socketPath, method: "POST", path: "/v4/domains", headers, timeout: 10_000 },
      (response) => {
        response.resume().on("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`the emulated Linode refused the domain ${domain}: ${response.statusCode}`));
        });
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("the emulated Linode does not answer")));
    asked.on("error", reject);
    asked.end(JSON.stringify({ domain, type: "master", soa_email: `admin@${domain}` }));
  });
}

main(process.argv[2] ?? "").catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
});
