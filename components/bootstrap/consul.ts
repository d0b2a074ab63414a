import { uuidToken } from "../secrets/derive";
import type { Role } from "../topology/model";

/**
 * What Consul's ACLs hold, as Consul's API takes it. Every token's secret and accessor come from the stack's seed, so
 * that agents can be told theirs before Consul runs.
 */

export interface ConsulPolicy {
  readonly Name: string;
  readonly Description: string;
  readonly Rules: string;
}

export interface ConsulRole {
  readonly Name: string;
  readonly Description: string;
  readonly Policies: readonly { readonly Name: string }[];
}

export interface ConsulToken {
  readonly AccessorID: string;
  readonly SecretID: string;
  readonly Description: string;
  readonly Policies?: readonly ({ readonly Name: string } | { readonly ID: string })[];
  readonly NodeIdentities?: readonly { readonly NodeName: string; readonly Datacenter: string }[];
  readonly TemplatedPolicies?: readonly { readonly TemplateName: string }[];
}

export interface ConsulAuthMethod {
  readonly Name: string;
  readonly Type: "jwt";
  readonly DisplayName: string;
  readonly Description: string;
  readonly TokenLocality: "local";
  readonly Config: Readonly<Record<string, unknown>>;
}

export interface ConsulBindingRule {
  readonly Description: string;
  readonly AuthMethod: string;
  readonly BindType: "service" | "role";
  readonly BindName: string;
  readonly Selector: string;
}

/** What stands in Consul's catalog though no agent tells of it, as `/v1/catalog/register` takes it. */
export interface ConsulCatalogEntry {
  readonly Node: string;
  readonly Address: string;
  readonly Service: {
    readonly Service: string;
    readonly Port: number;
    readonly Tags: readonly string[];
  };
  readonly Check: {
    readonly CheckID: string;
    readonly Name: string;
    readonly ServiceID: string;
    readonly Status: "passing";
  };
}

export interface ConsulKey {
  readonly key: string;
  readonly value: string;
}

export interface ConsulObjects {
  readonly policies: readonly ConsulPolicy[];
  readonly roles: readonly ConsulRole[];
  readonly tokens: readonly ConsulToken[];
  readonly authMethods: readonly ConsulAuthMethod[];
  readonly bindingRules: readonly ConsulBindingRule[];
  /** Default: none. */
  readonly catalog?: readonly ConsulCatalogEntry[];
  /** Default: none. */
  readonly keys?: readonly ConsulKey[];
}

/** A machine as Consul knows it. */
export interface ConsulNode {
  /** The node's name in Consul: the machine's host name. */
  readonly name: string;
  readonly roles: readonly Role[];
}

/** What a token is for. All but the first three are one machine's own. */
export type TokenUse =
  | { readonly use: "management" | "operator" | "dns" }
  | { readonly use: "agent" | "vault" | "nomad-server" | "nomad-client"; readonly node: string };

function label(of: TokenUse): string {
  return "node" in of ? `${of.use}/${of.node}` : of.use;
}

/** The secret of a Consul token. `management` is `acl.tokens.initial_management`; `operator` is for the user. */
export function consulSecret(seed: string, of: TokenUse): string {
  return uuidToken(seed, `consul/token/${label(of)}`);
}

function token(seed: string, of: TokenUse, description: string, rights: Partial<ConsulToken>): ConsulToken {
  return {
    AccessorID: uuidToken(seed, `consul/accessor/${label(of)}`),
    SecretID: consulSecret(seed, of),
    Description: description,
    ...rights,
  };
}

/** Rights that several machines' tokens share. */
const daemonPolicies: readonly ConsulPolicy[] = [
  {
    Name: "vault-server",
    Description: "Vault servers register themselves",
    Rules: 'service "vault" { policy = "write" }\n',
  },
  {
    // Workloads bring tokens of their own to register, but the agent's takes their services away.
    // No acl = "write", which HashiCorp's example has: nothing of Nomad's has used it since workload identity came.
    Name: "nomad-server",
    Description: "Nomad servers register themselves and write the mesh's configuration",
    Rules:
      'agent_prefix "" { policy = "read" }\nnode_prefix "" { policy = "read" }\n' +
      'service_prefix "" { policy = "write" }\nmesh = "write"\n',
  },
  {
    Name: "nomad-client",
    Description: "Nomad clients register themselves and deregister their workloads' services",
    Rules:
      'agent_prefix "" { policy = "read" }\nnode_prefix "" { policy = "read" }\n' +
      'service_prefix "" { policy = "write" }\n',
  },
];

/** The tokens that one machine's daemons carry. */
export function nodeTokens(seed: string, datacenter: string, node: ConsulNode): ConsulToken[] {
  const { name, roles } = node;
  const tokens = [
    token(seed, { use: "agent", node: name }, `Consul agent of ${name}`, {
      NodeIdentities: [{ NodeName: name, Datacenter: datacenter }],
    }),
  ];
  const daemons = [
    ["vault-server", "vault", "Vault"],
    ["nomad-server", "nomad-server", "Nomad server"],
    ["nomad-client", "nomad-client", "Nomad client"],
  ] as const;
  for (const [role, use, title] of daemons) {
    if (roles.includes(role)) {
      tokens.push(token(seed, { use, node: name }, `${title} of ${name}`, { Policies: [{ Name: role }] }));
    }
  }
  return tokens;
}

/** Consul rights of one job, beyond those that every task of its namespace has. */
export interface JobConsulRights {
  readonly namespace: string;
  readonly job: string;
  /** Whose they are, where not every task of the job has them. */
  readonly task?: string;
  /** Consul policy rules, HCL. */
  readonly rules: string;
}

/** How workloads of Nomad log in to Consul. */
export interface ConsulWorkloads {
  /** Where Consul fetches Nomad's public keys. Example: "https://nomad.service.consul:4646/.well-known/jwks.json". */
  readonly jwksUrl: string;
  /** Nomad's root certificate, PEM. */
  readonly jwksCaPem: string;
  /** Nomad namespaces whose tasks may log in. */
  readonly namespaces: readonly string[];
  readonly jobs: readonly JobConsulRights[];
  /** What else jobs find in Consul. Default: nothing. */
  readonly finds?: Pick<ConsulObjects, "catalog" | "keys">;
}

export const consulAuthMethod = "nomad-workloads";

/** Names that the daemons themselves register: no workload may take them. */
const reservedServices = ["consul", "vault", "nomad", "nomad-client"];

const taskRules = 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }\n';

/**
 * What lets workloads of Nomad log in. Consul fetches Nomad's keys when the auth method is written, so this comes once
 * Nomad's servers answer under the name in `jwksUrl`.
 */
export function consulWorkloadObjects(workloads: ConsulWorkloads): ConsulObjects {
  const { namespaces, jobs, finds } = workloads;
  const jobRole = (of: JobConsulRights) =>
    `nomad-${of.namespace}-job-${[of.job, of.task].filter(Boolean).join("-")}`;
  const title = (of: JobConsulRights) =>
    `${of.task ? `The task ${of.task} of the job` : "The job"} ${of.job} in ${of.namespace}`;
  const tasksRole = (namespace: string) => `nomad-${namespace}-tasks`;
  return {
    ...finds,
    tokens: [],
    policies: [
      { Name: "nomad-tasks", Description: "Any Nomad task: read the catalog", Rules: taskRules },
      ...jobs.map((of) => ({
        Name: jobRole(of),
        Description: title(of),
        Rules: of.rules,
      })),
    ],
    roles: [
      ...namespaces.map((namespace) => ({
        Name: tasksRole(namespace),
        Description: `Tasks of the Nomad namespace ${namespace}`,
        Policies: [{ Name: "nomad-tasks" }],
      })),
      ...jobs.map((of) => ({
        Name: jobRole(of),
        Description: title(of),
        Policies: [{ Name: jobRole(of) }],
      })),
    ],
    authMethods: [
      {
        Name: consulAuthMethod,
        Type: "jwt",
        DisplayName: consulAuthMethod,
        Description: "Nomad workloads log in with their workload identity",
        TokenLocality: "local",
        // No MaxTokenTTL: Nomad cannot make an expired token anew.
        Config: {
          JWKSURL: workloads.jwksUrl,
          JWKSCACert: workloads.jwksCaPem,
          JWTSupportedAlgs: ["RS256"],
          BoundAudiences: ["consul.io"],
          ClaimMappings: {
            nomad_namespace: "nomad_namespace",
            nomad_job_id: "nomad_job_id",
            nomad_task: "nomad_task",
            nomad_service: "nomad_service",
          },
        },
      },
    ],
    bindingRules: [
      {
        Description: "Services of Nomad workloads",
        AuthMethod: consulAuthMethod,
        BindType: "service",
        BindName: "$" + "{value.nomad_service}",
        Selector: `"nomad_service" in value and value.nomad_service not matches "^(${reservedServices.join("|")})$"`,
      },
      {
        Description: "Tasks of Nomad workloads",
        AuthMethod: consulAuthMethod,
        BindType: "role",
        BindName: tasksRole("$" + "{value.nomad_namespace}"),
        Selector: '"nomad_service" not in value',
      },
      ...jobs.map((of) => ({
        Description: title(of),
        AuthMethod: consulAuthMethod,
        BindType: "role" as const,
        BindName: jobRole(of),
        Selector:
          `"nomad_service" not in value and value.nomad_namespace == "${of.namespace}"` +
          ` and value.nomad_job_id == "${of.job}"` +
          (of.task ? ` and value.nomad_task == "${of.task}"` : ""),
      })),
    ],
  };
}

const globalManagement = { ID: "00000000-0000-0000-0000-000000000001" };

/**
 * Everything that Consul holds from its first minute.
 *
 * @param servers machines whose tokens are made in the same go, so that their agents need not wait; the others' are
 * made with the machine, so that one more touches nothing else.
 */
export function consulObjects(
  seed: string,
  datacenter: string,
  servers: readonly ConsulNode[],
): ConsulObjects {
  return {
    policies: daemonPolicies,
    roles: [],
    authMethods: [],
    bindingRules: [],
    tokens: [
      ...servers.flatMap((node) => nodeTokens(seed, datacenter, node)),
      token(seed, { use: "dns" }, "DNS of every agent", {
        TemplatedPolicies: [{ TemplateName: "builtin/dns" }],
      }),
      token(seed, { use: "operator" }, "The operator", { Policies: [globalManagement] }),
    ],
  };
}
