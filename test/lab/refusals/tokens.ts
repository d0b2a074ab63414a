import { describe, expect, it } from "vitest";
import { vaultLogin } from "../../../cli/toolEnv";
import { supportServerName } from "../../../components/topology/names";
import { portNumbers } from "../../../components/topology/ports";
import type { Trial } from "../support/trial";
import { type Endpoints, endpoints } from "./endpoints";

/** Nobody has it. */
const wrong = "5b1c4ee0-4d63-4c0e-8d0c-3a2f5a4f7a11";

interface Question {
  /** Method and path. */
  what: string;
  token: string;
}

interface Answer {
  /** Or the error's code. */
  status: unknown;
  empty: boolean;
}

/** What the APIs answer to whom, endpoint by endpoint. */
export function tokens(trial: Trial): void {
  /** The token that a running task was given for a service. */
  const taskToken = async (machine: string, task: string, service: "consul" | "vault"): Promise<string> => {
    const place = ["/var/lib/nomad/alloc", "-path", `*/${task}/secrets/${service}_token`];
    const [path = ""] = (await trial.inside(machine, "find", ...place)).split("\n");
    return (await trial.inside(machine, "cat", path)).trim();
  };

  describe("by token", () => {
    /**
     * Of the leader, who answers himself; the others send on, or say so. A few at a time: Nomad takes at most a hundred
     * connections of one address.
     */
    const asked = async (
      service: keyof typeof endpoints,
      questions: readonly Question[],
    ): Promise<Answer[]> => {
      const { apis, ca } = await trial.outputs();
      const to = { ...(await leader(service)), ca: ca[service], serverName: apis[service].serverName };
      const header = `X-${service}-Token`;
      const answers: Answer[] = [];
      for (let at = 0; at < questions.length; at += 40) {
        const some = questions.slice(at, at + 40).map(({ what, token }) => {
          const [method, path] = what.split(" ");
          return { ...to, method, path, headers: token ? { [header]: token } : {} };
        });
        answers.push(
          ...(await trial.request("support-a", some)).map(({ status, error, body }) => ({
            status: status ?? error,
            empty: /^(\[\]|\{\}|null)\s*$/.test(body ?? ""),
          })),
        );
      }
      return answers;
    };

    it.each(["consul", "vault", "nomad"] as const)("the API of %s", async (service) => {
      const { anyone, filtered, closed, closedWrites, tasks } = endpoints[service] as Endpoints;
      const outputs = await trial.outputs();
      const operator = {
        consul: async () => outputs.consulToken,
        nomad: async () => outputs.nomadToken,
        vault: () => vaultLogin(outputs),
      };
      const shown: Record<string, string> = {
        nobody: "",
        stranger: wrong,
        // Nomad gives its tasks no token: one of Consul's stands for it.
        task: await (service === "vault"
          ? taskToken(await whereWebsiteRuns(), "website", "vault")
          : taskToken("edge-a", "fabio", "consul")),
        operator: await operator[service](),
      };
      const answers = ({ status }: Answer) => status === 200 || status === 204;
      const refuses = ({ status }: Answer) => status === 403;
      const rows = (list: readonly string[], who: string, right: (answer: Answer) => boolean) =>
        list.map((what) => ({ what, who, token: shown[who] ?? "", right }));
      const all = [
        ...rows(Object.keys(anyone), "nobody", answers),
        ...rows(filtered, "nobody", (answer) => answers(answer) && answer.empty),
        ...rows(filtered, "stranger", refuses),
        ...rows(filtered, "operator", answers),
        ...["nobody", "stranger", "task"].flatMap((who) => rows([...closed, ...closedWrites], who, refuses)),
        ...rows(closed, "operator", answers),
        ...rows(tasks, "task", (answer) => answers(answer) && !answer.empty),
      ];
      const seen = await asked(service, all);
      const amiss = all.flatMap(({ what, who, right }, index) => {
        const answer = seen[index] as Answer;
        return right(answer) ? [] : [`${what} by ${who}: ${answer.status}${answer.empty ? ", empty" : ""}`];
      });
      expect(amiss).toEqual([]);
    });

    it("nothing of all that Vault says it has answers without a token, but what is named", async () => {
      const { paths } = await trial.ask<{ paths: Record<string, { get?: object }> }>(
        "vault",
        "/v1/sys/internal/specs/openapi",
      );
      const known = Object.keys(paths)
        .filter((path) => paths[path]?.get && !path.includes("{"))
        .map((path) => ({ what: `GET /v1${path}`, token: "" }));
      expect(known.length).toBeGreaterThan(50);
      const answers = await asked("vault", known);
      const open = known.filter((_, index) => Number(answers[index]?.status) < 300).map(({ what }) => what);
      expect(open.filter((what) => !(what in endpoints.vault.anyone))).toEqual([]);
      expect(open.length).toBeGreaterThan(5);
    });

    it("a client's Nomad, and the unsealer", async () => {
      const { ca } = await trial.outputs();
      const [client, support] = [await trial.machine("client-b"), await trial.machine("support-a")];
      const nomad = {
        host: client.privateIpv6,
        port: portNumbers.nomadApi,
        ca: ca.nomad,
        serverName: "client.global.nomad",
      };
      const unsealer = {
        ...{ host: support.privateIpv6, port: portNumbers.unsealer, ca: ca.support },
        serverName: supportServerName({ cluster: "dev" }),
      };
      const told = await trial.inside("control-b", "cat", "/etc/vault.d/vault.json");
      const token: string = JSON.parse(told).seal.transit.token;
      const operator = (await trial.outputs()).nomadToken;
      const statuses = async (
        from: string,
        to: object,
        header: string,
        right: string,
        paths: readonly string[],
      ) =>
        (
          await trial.request(
            from,
            paths.flatMap((path) =>
              ["", wrong, right].map((shown) => ({
                ...nomad,
                ...to,
                path,
                headers: shown ? { [header]: shown } : {},
              })),
            ),
          )
        ).map(({ status }) => status);
      const guarded = ["/v1/client/stats", "/v1/client/metadata", "/v1/agent/self", "/v1/jobs"];
      expect(await statuses("support-a", nomad, "X-Nomad-Token", operator, guarded)).toEqual(
        guarded.flatMap(() => [403, 403, 200]),
      );
      // A server's token is for the transit key, and for nothing else.
      const encrypt = ["/v1/transit/encrypt/autounseal"];
      const plaintext = Buffer.from("try").toString("base64");
      const body = JSON.stringify({ plaintext });
      expect(
        await statuses("control-b", { ...unsealer, method: "POST", body }, "X-Vault-Token", token, encrypt),
      ).toEqual([403, 403, 200]);
      const others = [
        "/v1/sys/mounts",
        "/v1/transit/keys/autounseal",
        "/v1/transit/export/encryption-key/autounseal",
      ];
      expect(await statuses("control-b", unsealer, "X-Vault-Token", token, others)).toEqual(
        Array(9).fill(403),
      );
    });

    it("the artifact store lists nothing and takes nothing", async () => {
      const { ca } = await trial.outputs();
      const host = (await trial.machine("support-a")).privateIpv6;
      const to = {
        host,
        port: portNumbers.artifacts,
        ca: ca.support,
        serverName: supportServerName({ cluster: "dev" }),
      };
      const files = (
        await trial.inside("support-a", "find", "/srv/artifacts", "-type", "f", "-name", "fabio")
      )
        .trim()
        .split("\n");
      const path = (files[0] ?? "").replace("/srv/artifacts", "");
      const folder = path.replace(/[^/]*$/, "");
      const asked = [
        ["HEAD", path, 200],
        ["GET", "/", 403],
        ["GET", folder, 403],
        ["GET", "/../../etc/passwd", 400],
        ["GET", "/%2e%2e/%2e%2e/etc/passwd", 400],
        ["PUT", `${folder}more`, 403],
        ["POST", path, 403],
        ["DELETE", path, 403],
      ] as const;
      const answers = await trial.request(
        "client-b",
        asked.map(([method, path]) => ({ ...to, method, path })),
      );
      expect(answers.map(({ status }) => status)).toEqual(asked.map(([, , status]) => status));
    });
  });

  const leader = async (service: keyof typeof endpoints): Promise<{ host: string; port: number }> => {
    const ports = { consul: portNumbers.consulApi, nomad: portNumbers.nomadApi, vault: portNumbers.vaultApi };
    const said =
      service === "vault"
        ? (await trial.ask<{ leader_address: string }>("vault", "/v1/sys/leader")).leader_address
        : await trial.ask<string>(service, "/v1/status/leader");
    const host = new URL(said.includes("//") ? said : `https://${said}`).hostname.replace(/^\[|\]$/g, "");
    return { host, port: ports[service] };
  };

  const whereWebsiteRuns = async (): Promise<string> => {
    const allocations = await trial.ask<{ NodeName: string; ClientStatus: string }[]>(
      "nomad",
      "/v1/job/website/allocations?namespace=website",
    );
    const node = allocations.find(({ ClientStatus }) => ClientStatus === "running")?.NodeName;
    const { machines } = await trial.outputs();
    const found = Object.entries(machines).find(([, { id }]) => id === node);
    if (!found) throw new Error("the website runs nowhere");
    return found[0];
  };
}
