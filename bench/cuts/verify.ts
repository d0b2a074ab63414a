/** Whether a cluster is whole after a cut run was finished: nothing is there twice, nothing is lost. */
import { readOutputs } from "../../cli/engine";
import { requestJson } from "../../cli/http";
import { type Outputs, parseOutputs } from "../../cli/outputs";
import { unchanged } from "../../cli/report";
import { expectedOf, judge } from "../../cli/status/judge";
import { type Look, observe, type RaftPeer } from "../../cli/status/observe";
import type { Lab } from "../lab";
import { type Project, stack } from "../project";
import { until } from "../run";
import { hashistack } from "./finish";

/** What is wrong, a sentence each; none when all is well. */
export async function problemsOf(project: Project, lab: Lab, machines: number): Promise<string[]> {
  const problems: string[] = [];
  const claim = (holds: boolean, otherwise: string): void => void (holds || problems.push(otherwise));
  const raw = await readOutputs(project.workspace, stack, project.env);
  const outputs = parseOutputs(raw, stack);

  const names = await lab.machines();
  const ids = Object.values(outputs.machines).map(({ id }) => id);
  claim(
    names.length === machines,
    `the lab has ${names.length} machines, not ${machines}: ${names.join(", ")}`,
  );
  claim(same(names, ids), `the lab has ${names.join(", ")}; the stack ${ids.join(", ")}`);

  // A node that left is told so to all within seconds; all else must be so at once.
  const seen = await until("a cluster that is well", 60, async () => {
    const look = await observe(outputs);
    const verdict = judge(look, expectedOf(outputs));
    if (verdict.exitCode === 0) return look;
    throw new Error(JSON.stringify(verdict));
  }).catch((error: Error) => error);
  if (seen instanceof Error) return [...problems, seen.message];
  const having = (role: string): string[] =>
    Object.values(outputs.machines)
      .filter(({ roles }) => roles.includes(role))
      .map(({ id }) => id);
  for (const service of ["consul", "nomad", "vault"] as const) {
    const peers = value<{ peers: readonly RaftPeer[] }>(seen[service]).peers.map(({ name }) =>
      name.replace(/\.global$/, ""),
    );
    claim(same(peers, having(`${service}-server`)), `${service}'s peers are ${peers.join(", ")}`);
  }
  const nodes = value(seen.nomad).nodes.map(({ name }) => name);
  claim(same(nodes, having("nomad-client")), `Nomad's nodes are ${nodes.join(", ")}`);
  const members = value(seen.consul).members.map(({ name }) => name);
  const wanted = Object.values(outputs.machines).filter(({ roles }) => !roles.includes("support"));
  claim(
    same(
      members,
      wanted.map(({ id }) => id),
    ),
    `Consul's members are ${members.join(", ")}`,
  );

  const keys = raw.recoveryKeys as string[] | undefined;
  claim(Array.isArray(keys) && keys.length > 0, "the state has no recovery keys of Vault");
  if (keys) problems.push(...(await wrongKeys(outputs, keys)));

  const again = await hashistack(project, "up", "--json");
  const { summary } = JSON.parse(again.stdout || "{}") as { summary?: Record<string, number> };
  claim(
    again.code === 0 && summary !== undefined && unchanged(summary),
    `a second up: ${again.stdout}${again.stderr}`,
  );
  return problems;
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
}

function value<T>(look: Look<T>): T {
  if ("value" in look) return look.value;
  throw new Error(look.why);
}

/** Whether the recovery keys are this Vault's: they must be good for a new root token, which is revoked at once. */
async function wrongKeys(outputs: Outputs, keys: readonly string[]): Promise<string[]> {
  const { address, serverName } = outputs.apis.vault;
  const ask = async <T>(method: "PUT" | "POST" | "DELETE", path: string, body?: object, token?: string) =>
    (await requestJson({
      ...{ url: `${address}/v1/${path}`, serverName, ca: outputs.ca.vault ?? "", method, body },
      ...{ what: `Vault's ${path}`, headers: token ? { "x-vault-token": token } : {} },
    })) as T;
  interface Attempt {
    nonce: string;
    otp: string;
    complete: boolean;
    encoded_token: string;
  }
  try {
    await ask("DELETE", "sys/generate-root/attempt");
    const { nonce, otp } = await ask<Attempt>("PUT", "sys/generate-root/attempt", {});
    for (const key of keys) {
      const answer = await ask<Attempt>("PUT", "sys/generate-root/update", { key, nonce });
      if (!answer.complete) continue;
      const hidden = Buffer.from(answer.encoded_token, "base64");
      const token = hidden.map((byte, index) => byte ^ (Buffer.from(otp)[index] as number)).toString();
      await ask("POST", "auth/token/revoke-self", undefined, token);
      return [];
    }
    return ["all recovery keys together are no quorum"];
  } catch (error) {
    return [`the recovery keys are not this Vault's: ${(error as Error).message}`];
  }
}
