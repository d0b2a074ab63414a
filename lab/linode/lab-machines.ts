import { hostAddress, type Network, publicNetwork } from "../machines/addresses.js";
import { LabError } from "../machines/errors.js";
import { installPrograms } from "../machines/install.js";
import { namespacePath, routerNamespace } from "../machines/names.js";
import { run } from "../machines/run.js";
import { nameProblem } from "../machines/spec.js";
import { createMachine, destroyMachine, rebootMachine, stopMachine } from "../machines/verbs.js";
import { dropImage, imageLayers, keepImage, rootLogin } from "./lab-images.js";
import {
  hostNumber,
  type MachineFilter,
  type MachineOrder,
  type Machines,
  type PublicAddresses,
} from "./machines.js";
import { routerFilter } from "./nft.js";

/**
 * Machines of a lab behind the instances: a VPC's subnet is the lab's private network, a public address one behind the
 * lab's router, and a firewall a filter of that router. The lab stays when its last machine goes.
 *
 * Further programs of the toolchain may be named that the account's image has beside those of the lab's own.
 */
export class LabMachines implements Machines {
  private filtering: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly lab: string,
    private readonly network: Network,
    private readonly say: (words: string) => void,
    private readonly programs: readonly string[] = [],
  ) {}

  addresses(host: number): PublicAddresses {
    return {
      ipv4: hostAddress(publicNetwork.ipv4, host),
      ipv6: hostAddress(publicNetwork.ipv6, host),
    };
  }

  async boot(order: MachineOrder): Promise<void> {
    const { vpc, host, image, rootKeys, deployment } = order;
    if (vpc && vpc.range !== this.network.ipv4)
      throw new LabError(
        `The subnet ${vpc.range} has no machines in a rehearsal: the lab's network is ${this.network.ipv4}.`,
      );
    if (vpc && hostNumber(vpc.address, vpc.range) !== host)
      throw new LabError(
        `The address ${vpc.address} cannot be given in a rehearsal: the machine has number ${host} in every network.`,
      );
    const spec = {
      name: machineName(order),
      public: order.public,
      publicPorts: [],
      // Linode's own images have neither programs nor anything else of a cluster.
      bake: image === undefined || image.startsWith("private/"),
      network: this.network,
      host,
      userData: deployment
        ? seedOf(deployment)
        : (order.userData ?? (rootKeys?.length ? rootLogin(rootKeys) : undefined)),
    };
    await createMachine(this.lab, spec, this.say, imageLayers(this.lab, image));
    if (spec.bake && this.programs.length > 0)
      await installPrograms(this.lab, spec.name, this.programs, () => undefined);
  }

  async reboot(order: MachineOrder): Promise<void> {
    await rebootMachine(this.lab, machineName(order));
  }

  async stop(order: MachineOrder): Promise<void> {
    await stopMachine(this.lab, machineName(order));
  }

  async delete(order: MachineOrder): Promise<void> {
    await destroyMachine(this.lab, machineName(order), true);
  }

  async keep(order: MachineOrder, image: string): Promise<void> {
    await keepImage(this.lab, machineName(order), image);
  }

  async drop(image: string): Promise<void> {
    await dropImage(this.lab, image);
  }

  /** One after the other: the last that was told is the one that stays. */
  filter(filters: readonly MachineFilter[]): Promise<void> {
    const next = this.filtering.then(async () => {
      const argv = ["nsenter", `--net=${namespacePath(routerNamespace(this.lab))}`, "nft", "-f", "-"];
      await run(argv, {
        input: routerFilter(filters, this.network),
        what: "The firewalls of the lab's router",
      });
    });
    this.filtering = next.catch(() => undefined);
    return next;
  }
}

const [scriptFile, environmentFile] = ["/root/StackScript", "/root/.stackscript.json"];

/**
 * Runs a StackScript as Linode does, as root, at the first boot. Here the machine's cloud-init starts it, which otherwise is told
 * nothing.
 */
function seedOf({ script, environment }: NonNullable<MachineOrder["deployment"]>): string {
  const root = { owner: "root:root", encoding: "b64" };
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const run = [
    "import json, os",
    `environment = json.load(open(${JSON.stringify(environmentFile)}))`,
    `os.execve(${JSON.stringify(scriptFile)}, [${JSON.stringify(scriptFile)}], {**os.environ, **environment})`,
  ].join("\n");
  const document = {
    users: [],
    ssh_deletekeys: false,
    ssh_genkeytypes: [],
    write_files: [
      { ...root, path: scriptFile, permissions: "0700", content: base64(script) },
      { ...root, path: environmentFile, permissions: "0600", content: base64(JSON.stringify(environment)) },
    ],
    runcmd: [["python3", "-c", run]],
  };
  return `#cloud-config\n${JSON.stringify(document)}\n`;
}

/** The machine's name in the lab: its instance's first label where that is one. */
export const machineName = ({ id, label }: Pick<MachineOrder, "id" | "label">): string =>
  nameProblem(label) ? `linode-${id}` : label;
