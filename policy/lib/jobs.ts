import { inflateSync } from "node:zlib";
import { type Block, HclError, parseHcl } from "./hcl";
import type { Findings, Subject } from "./rule";

/**
 * Jobs of Nomad in a stack: files of the nomad provider, and what a command sends to a machine. Such a command's stdin is
 * secret; a policy pack is told secrets in clear, and what it finds there never goes into a message beyond the job's own
 * names.
 */

export const jobTypes = ["nomad:index/job:Job", "command:remote:Command", "command:local:Command"] as const;

export interface Task {
  /** Example: "website/web/caddy": job, group, task. */
  readonly name: string;
  readonly driver?: string;
  /** Undefined where it cannot be told. */
  setting(path: "privileged" | "image" | "pid_mode" | "ipc_mode" | "cap_add"): string | undefined;
  readonly cpu: boolean;
  readonly memory: boolean;
  readonly artifacts: readonly { source: string; checksum?: string }[];
}

export interface Job {
  readonly id: string;
  /** Undefined where the file has none. */
  readonly namespace?: string;
  readonly tasks: readonly Task[];
}

/** The jobs that a resource runs; none for most. Throws NotKnownYet, and HclError where a file cannot be read. */
export function jobsIn({ type, props }: Subject): Job[] {
  if (type === "nomad:index/job:Job") {
    const text = props.text("jobspec") ?? "";
    if (props.flag("json")) return [fromJson(JSON.parse(text) as JsonJob)];
    const variables = Object.fromEntries(
      props
        .leaves()
        .filter(({ path }) => path.startsWith("hcl2.vars."))
        .map(({ key, value }) => [key, value]),
    );
    return fromHcl(text, variables);
  }
  if (!props.has("stdin")) return [];
  const told = fileIn(props.text("stdin") ?? "");
  return told ? fromHcl(told.hcl, told.variables) : [];
}

interface Told {
  hcl: string;
  variables: Record<string, unknown>;
}

/** A job's file in what a command is told: alone, in JSON, or in JSON that is compressed. */
function fileIn(text: string): Told | undefined {
  if (/^\s*(?:#[^\n]*\n\s*)*(?:variable|job)\s+"/.test(text)) return { hcl: text, variables: {} };
  for (const read of [() => text, () => inflateSync(Buffer.from(text, "base64")).toString("utf8")]) {
    try {
      const given = JSON.parse(read()) as { input?: Partial<Told> } & Partial<Told>;
      const { hcl, variables } = given.input ?? given;
      if (typeof hcl === "string") return { hcl, variables: variables ?? {} };
      return undefined;
    } catch {
      // Of another form, then.
    }
  }
  return undefined;
}

function fromHcl(text: string, variables: Readonly<Record<string, unknown>>): Job[] {
  const file = parseHcl(text);
  const defaults = Object.fromEntries(
    file.blocks
      .filter(({ type }) => type === "variable")
      .map(({ labels, attributes }) => [labels[0] ?? "", literal(attributes.default)]),
  );
  /** A value where it is plain; else the expression. */
  const plain = (expression: string | undefined): string | undefined => {
    const name = /^var\.([\w-]+)$/.exec(expression ?? "")?.[1];
    const given = name === undefined ? undefined : (variables[name] ?? defaults[name]);
    return given === undefined ? literal(expression) : String(given);
  };
  return file.blocks
    .filter(({ type }) => type === "job")
    .map((job) => ({
      id: job.labels[0] ?? "",
      namespace: plain(job.attributes.namespace),
      tasks: job.blocks
        .filter(({ type }) => type === "group")
        .flatMap((group) =>
          group.blocks
            .filter(({ type }) => type === "task")
            .map((task) => taskOf([job, group, task].map(({ labels }) => labels[0]).join("/"), task, plain)),
        ),
    }));
}

function taskOf(name: string, task: Block, plain: (text: string | undefined) => string | undefined): Task {
  const within = (block: Block | undefined, type: string) =>
    block?.blocks.filter((each) => each.type === type) ?? [];
  const [config] = within(task, "config");
  const [resources] = within(task, "resources");
  const has = (key: string) => resources?.attributes[key] !== undefined;
  return {
    name,
    driver: plain(task.attributes.driver),
    setting: (path) => plain(config?.attributes[path]),
    cpu: has("cpu") || has("cores"),
    memory: has("memory"),
    artifacts: within(task, "artifact").map((artifact) => {
      const [options] = within(artifact, "options");
      return {
        source: plain(artifact.attributes.source) ?? "",
        checksum: plain(options?.attributes.checksum),
      };
    }),
  };
}

/** A plain text without its quotes; anything else as it is written. */
function literal(expression: string | undefined): string | undefined {
  return expression === undefined ? undefined : (/^"((?:[^"\\]|\\.)*)"$/.exec(expression)?.[1] ?? expression);
}

interface JsonJob {
  Job?: JsonJob;
  ID?: string;
  Namespace?: string;
  TaskGroups?: {
    Name: string;
    Tasks?: {
      Name: string;
      Driver?: string;
      Config?: Record<string, unknown>;
      Resources?: { CPU?: number; Cores?: number; MemoryMB?: number };
      Artifacts?: { GetterSource?: string; GetterOptions?: Record<string, string> }[];
    }[];
  }[];
}

function fromJson(given: JsonJob): Job {
  const job = given.Job ?? given;
  return {
    id: job.ID ?? "",
    namespace: job.Namespace,
    tasks: (job.TaskGroups ?? []).flatMap((group) =>
      (group.Tasks ?? []).map((task) => ({
        name: [job.ID, group.Name, task.Name].join("/"),
        driver: task.Driver,
        setting: (path) => {
          const value = task.Config?.[path];
          return value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);
        },
        cpu: Boolean(task.Resources?.CPU || task.Resources?.Cores),
        memory: Boolean(task.Resources?.MemoryMB),
        artifacts: (task.Artifacts ?? []).map(({ GetterSource, GetterOptions }) => ({
          source: GetterSource ?? "",
          checksum: GetterOptions?.checksum,
        })),
      })),
    ),
  };
}

/** Looks at each job of a resource. One whose file cannot be read is a violation: nobody knows what it does. */
export function eachJob(subject: Subject, findings: Findings, check: (job: Job) => void): void {
  try {
    for (const job of jobsIn(subject)) check(job);
  } catch (error) {
    // Nothing of the file goes into the message: it may have come as a secret.
    if (error instanceof HclError) findings.violation(`the job's file cannot be read: ${error.message}`);
    else if (error instanceof SyntaxError) findings.violation("the job's file is no JSON");
    else throw error;
  }
}
