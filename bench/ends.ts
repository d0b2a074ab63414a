/** The ends of what is measured: the moment in which a user has what he waited for. */
import { request } from "node:https";
import { isIP } from "node:net";
import { requestJson } from "../cli/http";
import { type Outputs, parseOutputs } from "../cli/outputs";
import { stack } from "./project";
import { until } from "./run";

/** The outputs, or why they are not whole: a cluster that is still growing has ends of its own. */
export function outputsOf(raw: Record<string, unknown>): { outputs: Outputs } | { why: string } {
  try {
    return { outputs: parseOutputs(raw, stack) };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

/** Waits until every load balancer answers for the site over HTTPS, with a chain that verifies. */
export async function siteAnswers(outputs: Outputs, signal: AbortSignal): Promise<void> {
  const site = new URL(outputs.siteUrl ?? "");
  const addresses = outputs.loadBalancers.flatMap(({ address }) => address ?? []);
  const targets = addresses.length > 0 ? addresses : [site.hostname];
  await Promise.all(
    targets.map((address) =>
      until(
        `the site on ${address}`,
        60,
        () => get(address, site, outputs.ca.site ?? Object.values(outputs.ca).join("\n")),
        { signal },
      ),
    ),
  );
}

/** One request; true when the answer is 200. */
function get(address: string, site: URL, ca: string): Promise<true> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address,
        port: Number(site.port || 443),
        path: site.pathname,
        headers: { host: site.host },
        ca,
        agent: false,
        // An address is no name that could be asked for in the handshake; it is verified all the same.
        ...(isIP(site.hostname) === 0 ? { servername: site.hostname } : {}),
        signal: AbortSignal.timeout(5000),
      },
      (response) => {
        response.resume();
        response.on("end", () =>
          response.statusCode === 200
            ? resolve(true)
            : reject(new Error(`it answered ${response.statusCode}`)),
        );
        response.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Names of the Nomad clients that would be given work now. */
export async function schedulable(outputs: Outputs): Promise<string[]> {
  const { address, serverName } = outputs.apis.nomad;
  const nodes = (await requestJson({
    url: `${address}/v1/nodes`,
    serverName,
    ca: outputs.ca.nomad ?? "",
    headers: { "X-Nomad-Token": outputs.nomadToken },
    what: "Nomad's clients",
    timeoutSeconds: 5,
  })) as { Name: string; Status: string; SchedulingEligibility: string; Drain: boolean }[];
  return nodes
    .filter((node) => node.Status === "ready" && node.SchedulingEligibility === "eligible" && !node.Drain)
    .map((node) => node.Name);
}
