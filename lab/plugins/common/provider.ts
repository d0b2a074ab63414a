/** What a plugin answers, in plain values: check, diff, create, read, update, delete from the description. */
import { type Checked, checkProperties } from "./check";
import { type ChangeKind, compare } from "./diff";
import type { Call, CheckFailure, Property, ProviderKind, ResourceKind, Values } from "./kinds";
import { PartlyMade } from "./partly-made";
import { containsSecret, containsUnknown, plain, plainValues, same, secret, UNKNOWN } from "./values";

/** A diff as the engine wants it. */
export interface Diff {
  changed: boolean;
  replaces: string[];
  detailed: { path: string; kind: ChangeKind; replace: boolean }[];
}

/** Inputs and outputs of a resource on the wire. */
export interface WireState {
  id: string;
  inputs: Values;
  properties: Values;
}

/** The operations of one plugin; every argument and result is in wire form. */
export class Provider {
  private readonly kinds: Map<string, ResourceKind>;
  private configured = true;

  constructor(readonly kind: ProviderKind) {
    this.kinds = new Map(kind.resources.map((resource) => [resource.token, resource]));
  }

  checkConfig(given: Values): Checked {
    return this.parseConfig(given, true);
  }

  async configure(given: Values, call: Call): Promise<void> {
    const { inputs, failures } = this.parseConfig(given, false);
    if (failures.length > 0) throw new Error(failures.map((failure) => failure.reason).join("; "));
    // With unknown configuration (at preview, before the server exists) no call may reach the real thing.
    this.configured = !containsUnknown(inputs);
    await this.kind.configure?.(plainValues(inputs), call);
  }

  check(token: string, news: Values): Checked {
    const kind = this.resource(token);
    const { inputs, failures } = checkProperties(token, kind.inputs, news);
    if (failures.length === 0) failures.push(...(kind.check?.(plainValues(inputs)) ?? []));
    // The engine prints the value of the property that a failure names. The reason names it too.
    const hidden = (name: string) => containsSecret(news[name]) || containsSecret(inputs[name]);
    return {
      inputs,
      failures: failures.map((failure) =>
        hidden(failure.property) ? { ...failure, property: "" } : failure,
      ),
    };
  }

  diff(token: string, state: Values, oldInputs: Values | undefined, news: Values): Diff {
    const kind = this.resource(token);
    const olds = oldInputs ?? pick(state, Object.keys(kind.inputs));
    // Whether a value is marked secret matters for what the state shows, never enough to replace a resource.
    const changes = kind.update ? compare(olds, news) : compare(plainValues(olds), plainValues(news));
    const forced = new Set(kind.mustReplace?.(plainValues(state), plainValues(news)) ?? []);
    const detailed: Diff["detailed"] = [];
    const replaces = new Set<string>();
    for (const [path, { kind: change, property }] of changes) {
      const [old, now] = [plain(olds[property]), plain(news[property])];
      const secretnessOnly = same(old, now);
      if (!secretnessOnly && meansSame(kind.inputs[property], old, now)) continue;
      const forceNew =
        kind.update === undefined || kind.inputs[property]?.forceNew === true || forced.has(property);
      const replace = forceNew && !secretnessOnly;
      if (replace) replaces.add(property);
      detailed.push({ path, kind: change, replace });
    }
    for (const property of forced) {
      if (replaces.has(property)) continue;
      replaces.add(property);
      detailed.push({ path: property, kind: "update", replace: true });
    }
    return { changed: detailed.length > 0, replaces: [...replaces], detailed };
  }

  previewCreate(token: string, inputs: Values): WireState {
    const kind = this.resource(token);
    const filledIn = Object.fromEntries(unset(kind, inputs).map((name) => [name, UNKNOWN]));
    const planned = kind.planned?.(inputs);
    return { id: "", inputs, properties: { ...filledIn, ...inputs, ...planned, ...unknownOutputs(kind) } };
  }

  async create(token: string, inputs: Values, call: Call): Promise<WireState> {
    const kind = this.resource(token);
    this.mustBeConfigured(token);
    const made = await kind.create(plainValues(inputs), call).catch((error: unknown) => {
      if (!(error instanceof PartlyMade)) throw error;
      const properties = { ...inputs, ...markOutputs(kind, error.outputs) };
      throw new PartlyMade(error.message, error.id, properties, inputs);
    });
    return { id: made.id, inputs, properties: { ...inputs, ...markOutputs(kind, made.outputs) } };
  }

  previewUpdate(token: string, id: string, state: Values, inputs: Values): WireState {
    const kind = this.resource(token);
    const stable = Object.keys(kind.outputs).filter((name) => kind.outputs[name].stable && name in state);
    const kept = pick(state, [...unset(kind, inputs), ...stable]);
    const planned = kind.planned?.(inputs, state);
    return { id, inputs, properties: { ...inputs, ...planned, ...unknownOutputs(kind), ...kept } };
  }

  async update(token: string, id: string, state: Values, inputs: Values, call: Call): Promise<WireState> {
    const kind = this.resource(token);
    this.mustBeConfigured(token);
    if (kind.update === undefined) throw new Error(`${token} cannot be updated in place`);
    const outputs = await kind.update(id, plainValues(state), plainValues(inputs), call);
    return { id, inputs, properties: { ...inputs, ...markOutputs(kind, outputs) } };
  }

  /** The state as the real thing has it; undefined when that is gone. */
  async read(
    token: string,
    id: string,
    inputs: Values,
    state: Values,
    call: Call,
  ): Promise<WireState | undefined> {
    const kind = this.resource(token);
    if (kind.read === undefined) {
      if (Object.keys(state).length === 0) {
        throw new Error(
          `${token}: this stand-in cannot import or look up ${id}, only read what the state has`,
        );
      }
      return { id, inputs, properties: state };
    }
    this.mustBeConfigured(token);
    const read = await kind.read(id, plainValues(state), call, plainValues(inputs));
    if (read === undefined) return undefined;
    // An input that did not change keeps its marks, nested ones too.
    const known = { ...state, ...inputs };
    const readInputs: Values = {};
    for (const [name, value] of Object.entries(read.inputs)) {
      readInputs[name] = same(plain(known[name]), value) ? known[name] : mark(kind.inputs[name], value);
    }
    return {
      id: read.id,
      inputs: readInputs,
      properties: { ...readInputs, ...markOutputs(kind, read.outputs) },
    };
  }

  async delete(token: string, id: string, state: Values, call: Call): Promise<void> {
    const kind = this.resource(token);
    this.mustBeConfigured(token);
    await kind.delete?.(id, plainValues(state), call);
  }

  async invoke(token: string, args: Values, call: Call): Promise<Values> {
    const run = this.kind.functions?.[token];
    if (run === undefined) throw new Error(`the ${this.kind.name} stand-in plugin has no function ${token}`);
    return run(plainValues(args), call);
  }

  private resource(token: string): ResourceKind {
    const kind = this.kinds.get(token);
    if (kind === undefined)
      throw new Error(`the ${this.kind.name} stand-in plugin has no resource type ${token}`);
    return kind;
  }

  private mustBeConfigured(token: string): void {
    if (!this.configured)
      throw new Error(`${token}: the ${this.kind.name} provider's configuration is not known yet`);
  }

  /** Provider configuration travels as strings: what is no string by its description is JSON. */
  private parseConfig(given: Values, keepStrings: boolean): Checked {
    const described = this.kind.config ?? {};
    const parsed: Values = {};
    const failures: CheckFailure[] = [];
    for (const [name, value] of Object.entries(given)) {
      // The engine's own: which plugin to load.
      if (name === "version" || name === "pluginDownloadURL" || name === "pluginChecksums") continue;
      const bare = plain(value);
      const isJson =
        typeof bare === "string" && bare !== UNKNOWN && described[name] && described[name].type !== "string";
      try {
        parsed[name] = isJson ? JSON.parse(bare) : value;
      } catch {
        failures.push({ property: name, reason: `${this.kind.name} provider: ${name} is not valid JSON` });
      }
    }
    const checked = checkProperties(`${this.kind.name} provider`, described, parsed);
    failures.push(...checked.failures);
    const added = Object.keys(checked.inputs).filter((name) => !(name in given));
    const inputs = keepStrings ? { ...given, ...encode(pick(checked.inputs, added)) } : checked.inputs;
    return { inputs: keepStrings ? markAll(described, inputs) : inputs, failures };
  }
}

function encode(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(plain(value)),
    ]),
  );
}

function mark(property: Pick<Property, "secret"> | undefined, value: unknown): unknown {
  return property?.secret ? secret(value) : value;
}

function markAll(described: Record<string, Pick<Property, "secret">>, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, mark(described[name], value)]),
  );
}

/** Computed inputs that are not given. */
function unset(kind: ResourceKind, inputs: Values): string[] {
  return Object.keys(kind.inputs).filter((name) => kind.inputs[name].computed && !(name in inputs));
}

function meansSame(property: Property | undefined, old: unknown, now: unknown): boolean {
  if (containsUnknown(now)) return false;
  return (property?.computed === true && now === undefined) || property?.same?.(old, now) === true;
}

function markOutputs(kind: ResourceKind, outputs: Values): Values {
  return markAll(kind.outputs, outputs);
}

function unknownOutputs(kind: ResourceKind): Values {
  return Object.fromEntries(
    Object.entries(kind.outputs).map(([name, output]) => [name, mark(output, UNKNOWN)]),
  );
}

function pick(values: Values, names: string[]): Values {
  return Object.fromEntries(names.filter((name) => name in values).map((name) => [name, values[name]]));
}
