import { readAsset } from "../provisioning/assets";
import type { PlanFragment, PlannedFile } from "../provisioning/plan";

/**
 * Agents that find something missing look again only after 15 to 30 s. On a client these parts let them look when it is
 * there; nothing depends on them.
 */

const library = "/usr/local/lib/hashistack";
const program = `/usr/bin/python3 -E -s -B ${library}/first_start.py`;

/** The files that the units below run. */
export function firstStartFiles(): PlannedFile[] {
  return ["cluster_api", "first_start"].map((name) => ({
    path: `${library}/${name}.py`,
    content: readAsset(`bootstrap/machine/${name}.py`),
    owner: "root",
    group: "root",
    mode: "0644",
  }));
}

/**
 * A line of [Service] for Consul's agent on a client: it starts when the servers know its token, or after 75 s.
 * Reads /etc/consul.d/agent.json and secrets.json.
 */
export const awaitConsulToken = `ExecStartPre=+${program} token`;

/**
 * A unit beside Nomad's client, which tells it to look around once Consul and Vault answer. Reads
 * /etc/nomad.d/agent.json and secrets.json.
 */
export function renderNomadSurroundings(): PlanFragment {
  const content = [
    "[Unit]",
    "Description=Tells Nomad when Consul and Vault are there",
    "After=nomad.service",
    "PartOf=nomad.service",
    "",
    "[Service]",
    "Type=exec",
    "RemainAfterExit=yes",
    `ExecStart=${program} nomad`,
    "",
    "[Install]",
    "WantedBy=nomad.service",
    "",
  ].join("\n");
  return {
    files: firstStartFiles(),
    units: [{ name: "nomad-surroundings.service", content, enable: true }],
  };
}
