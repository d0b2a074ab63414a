import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";

/** Runs a piece of a program against mocks and writes down what the engine would be asked, options included. */

/** A resource as it was registered. */
export interface Asked {
  /** Example: "networking.Port edge-a", "linode.Instance edge-a". Components by their class. */
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly custom: boolean;
  /** As the engine sees them; secrets as they go over the wire. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly parent?: string;
  /** `id`s of all that come first. */
  readonly dependencies: readonly string[];
  readonly deletedWith?: string;
  readonly protect: boolean;
  readonly replaceOnChanges: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface Recording<T> {
  /** What the piece answered. */
  readonly value: T;
  /** In the order of their ids. */
  readonly resources: readonly Asked[];
  /** What was looked up. */
  readonly calls: readonly { readonly token: string; readonly inputs: Record<string, unknown> }[];
}

/** What the plugins answer beside what they were given. */
export interface Answers {
  /** Outputs of a resource by its kind. */
  resource?(one: { kind: string; name: string; inputs: Record<string, unknown> }): Record<string, unknown>;
  /** What a look-up answers beside its own arguments. */
  call?(token: string, inputs: Record<string, unknown>): Record<string, unknown>;
  /** Whether nothing is known yet of what does not exist. */
  preview?: boolean;
}

/** "openstack:networking/port:Port" is "networking.Port", "linode:index/instance:Instance" is "linode.Instance". */
export function kindOf(type: string): string {
  const [pkg = "", module = "", name = ""] = type.split(":");
  if (pkg === "pulumi" || pkg === "pulumi-hashistack") return name || module;
  const folder = module.split("/")[0] ?? "";
  return `${folder === "index" ? pkg : folder}.${name}`;
}

function asked(req: RegisterResourceRequest, idOf: (urn: string) => string): Asked {
  const kind = kindOf(req.getType());
  return {
    id: `${kind} ${req.getName()}`,
    kind,
    name: req.getName(),
    custom: req.getCustom(),
    inputs: req.getObject()?.toJavaScript() as Record<string, unknown>,
    ...(req.getParent() ? { parent: idOf(req.getParent()) } : {}),
    dependencies: [...new Set(req.getDependenciesList().map(idOf))].sort(),
    ...(req.getDeletedwith() ? { deletedWith: idOf(req.getDeletedwith()) } : {}),
    protect: req.getProtect() ?? false,
    replaceOnChanges: req.getReplaceonchangesList(),
    ignoreChanges: req.getIgnorechangesList(),
    deleteBeforeReplace: req.getDeletebeforereplace(),
  };
}

type Answered = (error: unknown, response: { getUrn(): string }) => void;

/**
 * @param piece makes resources; what it throws, this throws. Outputs that it answers can be read by `inside` afterwards
 */
export async function recording<T>(piece: () => T, answers: Answers = {}): Promise<Recording<T>> {
  const found = new Map<string, Asked>();
  const calls: Recording<T>["calls"][number][] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => ({
        id: custom && !answers.preview ? `${name}-id` : "",
        state: {
          ...inputs,
          ...(answers.preview ? {} : answers.resource?.({ kind: kindOf(type), name, inputs })),
        },
      }),
      call: ({ token, inputs }) => {
        calls.push({ token, inputs });
        return { ...inputs, ...answers.call?.(token, inputs) };
      },
    },
    "hashistack",
    "test",
    answers.preview ?? false,
  );
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(req: RegisterResourceRequest, answered: Answered): Promise<void>;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (req, answered) => {
    const one = asked(req, (urn) => found.get(urn)?.id ?? urn);
    return register(req, (error, response) => {
      if (!error) found.set(response.getUrn(), one);
      answered(error, response);
    });
  };
  try {
    const value = piece();
    return { value, resources: await settled(found), calls };
  } catch (error) {
    await settled(found);
    throw error;
  }
}

async function settled(found: Map<string, Asked>): Promise<Asked[]> {
  await pulumi.runtime.disconnect();
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The value inside an Output. */
export function inside<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => pulumi.output(output).apply((value) => resolve(value as T)));
}
