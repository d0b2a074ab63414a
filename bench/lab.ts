/** The lab's program, for labs of the bench's own. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "./run";

/** The folder of the checkout. */
export function checkout(): string {
  for (let at = __dirname; at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, "Pulumi.yaml"))) return at;
  }
  throw new Error(`there is no Pulumi.yaml above ${__dirname}`);
}

/** Name of a lab of this checkout's bench, so that two checkouts do not meet. Example: "bench-floor-1a2b3c". */
export function labNameOf(what: "floor" | "cluster" | "ingress" | "drill", root = checkout()): string {
  return `bench-${what}-${createHash("sha256").update(root).digest("hex").slice(0, 6)}`;
}

export interface LabMachineSpec {
  name: string;
  bake: boolean;
  network: { ipv4: string; ipv6: string };
  firstContact: { user: string; authorizedKeys: string[]; hostKey: string };
}

export interface LabMachine {
  name: string;
  privateIpv4: string;
  privateIpv6: string;
}

/** One lab, by the contract of `hashistack-lab`. */
export class Lab {
  constructor(
    readonly name: string,
    private readonly signal?: AbortSignal,
  ) {}

  /** Arguments that run the lab's program. */
  argv(...words: string[]): string[] {
    return [process.execPath, join(checkout(), "lab/bin/hashistack-lab.js"), "--lab", this.name, ...words];
  }

  /** Makes the image with the daemons' programs where it is not there: minutes once, then a moment. */
  async image(): Promise<void> {
    await run(this.argv("image", "--bake"), {
      what: "the machines' image",
      timeoutSeconds: 3600,
      signal: this.signal,
    });
  }

  async create(spec: LabMachineSpec): Promise<LabMachine> {
    const options = { what: `making machine ${spec.name}`, input: JSON.stringify(spec), signal: this.signal };
    return JSON.parse(await run(this.argv("create"), options)) as LabMachine;
  }

  /** Whether a lab of this name is there: what a killed bench left. */
  async exists(): Promise<boolean> {
    const info = JSON.parse(await run(this.argv("info"), { what: `looking for lab ${this.name}` })) as {
      exists: boolean;
    };
    return info.exists;
  }

  /** The names of its machines. */
  async machines(): Promise<string[]> {
    const list = JSON.parse(
      await run(this.argv("list"), { what: `machines of lab ${this.name}`, signal: this.signal }),
    ) as { name: string }[];
    return list.map(({ name }) => name);
  }

  /** How many logins by SSH the machine's journal tells of. */
  async logins(machine: string): Promise<number> {
    const journal = ["journalctl", "--quiet", "--no-pager", "--output=cat", "--identifier=sshd"];
    const text = await run(this.argv("exec", machine, "--inside", "--", ...journal), {
      what: `the journal of machine ${machine}`,
      signal: this.signal,
    });
    return text.split("\n").filter((line) => line.startsWith("Accepted publickey for ")).length;
  }

  /** Ends it. Never cut short by a Ctrl-C. */
  async down(): Promise<void> {
    await run(this.argv("down"), { what: `ending lab ${this.name}`, timeoutSeconds: 180 });
  }
}
