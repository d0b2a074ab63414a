/** Brings a stack up on an emulated Linode whose instances are machines of a lab, checks it, destroys it. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOutputs } from "../../cli/engine";
import { type Outputs, parseOutputs } from "../../cli/outputs";
import { acmeProgram } from "../../components/jobs/acme";
import { type AcmeOutside, raiseAcme } from "../../lab/acme/outside";
import { type LabLinode, raiseLinode } from "../../lab/linode/lab-linode";
import { ensureTools, type ToolchainProgress } from "../../lab/toolchain/index";
import { BenchError } from "../errors";
import { checkout } from "../lab";
import { makeProject, type Project } from "../project";
import { type Ran, runAny } from "../run";
import { certifiedBy, lookAtCertificate } from "./certificate";
import { changeSettings } from "./changes";
import { ask, token } from "./emulated";
import { type Hands, lastWords } from "./hands";
import type { Check, Report } from "./report";
import { adapt, type StackConfig } from "./settings";
import { faultsMet, stumble } from "./stumbles";
import { lookAtWayOut } from "./way-out";

export interface RehearsalOptions {
  /** Example: "prod". */
  readonly stack: string;
  /** One machine in each group. */
  readonly small: boolean;
  /** Whether a first up fails by what goes wrong at Linode, before the one that shall succeed. Default false. */
  readonly faults?: boolean;
  /** Whether machines that nobody outside reaches go out through support. Default false. */
  readonly nat?: boolean;
  /** Whether the site has its certificate from an ACME server. Default false. */
  readonly acme?: boolean;
  readonly signal?: AbortSignal;
  /** Says how far it is. */
  readonly say: (words: string) => void;
}

/** Limit of one command, in seconds: nine machines on two busy cores. */
const commandLimit = 900;

// It comes with the Pulumi SDK, which reads its own files by it.
const yaml = require("js-yaml") as { load(text: string): unknown; dump(value: unknown): string };

/** Name of the rehearsal's lab, so that two checkouts do not meet. */
const labName = (): string =>
  `rehearsal-${createHash("sha256").update(checkout()).digest("hex").slice(0, 6)}`;

export async function rehearse(options: RehearsalOptions): Promise<Report> {
  const project = makeProject({ stack: options.stack });
  try {
    const file = join(project.workspace.root, `Pulumi.${options.stack}.yaml`);
    const settings = yaml.load(readFileSync(file, "utf8")) as { config: StackConfig };
    const changes = adapt(settings.config, options.small, options.nat);
    writeFileSync(file, yaml.dump(settings));
    const subnet = settings.config["hashistack:network"]?.ipv4;
    if (!subnet)
      throw new BenchError(`Pulumi.${options.stack}.yaml has no hashistack:network with an "ipv4"`);
    const { acme: certified, say } = options;
    // As an image is made for it: npm run image -- linode --with hashistack-acme.
    const programs = certified ? [acmeProgram.name] : [];
    const onProgress: ToolchainProgress = ({ tool, phase }) => say(`${tool}: ${phase}`);
    const tools = certified ? ["pebble", ...programs] : [];
    const [pebble] = await ensureTools(tools, { onProgress, signal: options.signal });
    const linode = await raiseLinode({ lab: labName(), subnet, tokens: [token], programs, say });
    let acme: AcmeOutside | undefined;
    try {
      if (pebble) {
        const { fromOutside } = linode;
        acme = await raiseAcme({ program: pebble.path, fromOutside, folder: project.workspace.root });
        changes.push(certifiedBy(settings.config, acme));
        writeFileSync(file, yaml.dump(settings));
      }
      const play = new Play(options, project, linode, settings.config, acme);
      await play.run();
      return { stack: options.stack, changes, checks: play.checks, calls: await play.calls() };
    } finally {
      await acme?.end();
      await linode.close();
    }
  } finally {
    project.remove();
  }
}

class Play {
  readonly checks: Check[] = [];
  private readonly socket: string;
  /** With what a visitor asks for the site, once it is there. */
  private visitor = { ca: "", host: "" };

  constructor(
    private readonly options: RehearsalOptions,
    private readonly project: Project,
    private readonly linode: LabLinode,
    private readonly config: StackConfig,
    private readonly acme: AcmeOutside | undefined,
  ) {
    this.socket = linode.api.url;
  }

  calls(): Promise<Record<string, number>> {
    return ask(this.socket, "GET", "/lab/calls");
  }

  async run(): Promise<void> {
    const { domain, owned } = this.config["hashistack:dns"] ?? {};
    if (domain && owned) {
      const zone = { domain, type: "master", soa_email: `admin@${domain}` };
      await ask(this.socket, "POST", "/v4/domains", zone);
    }
    if (this.options.faults) await stumble(this.hands);
    const up = await this.command("the stack comes up", "up", "--json");
    if (this.options.faults) await faultsMet(this.hands);
    if (up) await this.look(domain);
    if (up && this.options.nat) await this.change();
    // What was made must go, also where it came up but half.
    await this.end(domain);
  }

  /** Other settings for a living cluster, and a machine made anew. */
  private async change(): Promise<void> {
    const { ca, host } = this.visitor;
    const quiet = ["--silent", "--show-error", "--fail", "--output", "/dev/null", "--max-time", "10"];
    await changeSettings(this.hands, (address) =>
      this.fromStranger([
        ...["curl", ...quiet, "--cacert", ca],
        ...["--resolve", `${host}:443:${address}`, `https://${host}/`],
      ]),
    );
    // A machine that went is forgotten by support some time after.
    await this.status(60);
  }

  private get hands(): Hands {
    return {
      linode: this.linode,
      config: this.config,
      check: (what, look) => this.check(what, look),
      command: (what, verb, ...words) => this.command(what, verb, ...words),
      cli: (verb, ...words) => this.cli(verb, ...words),
      write: () => this.write(),
    };
  }

  private write(): void {
    writeFileSync(
      join(this.project.workspace.root, `Pulumi.${this.options.stack}.yaml`),
      yaml.dump({ config: this.config }),
    );
  }

  private async look(domain: string | undefined): Promise<void> {
    const { stack } = this.options;
    const { workspace, env } = this.project;
    const outputs = parseOutputs(await readOutputs(workspace, stack, env), stack);
    this.visitor = { ca: this.siteCa(outputs), host: this.config["hashistack:site"]?.domain ?? "" };
    await this.status();
    await this.network(outputs, domain);
    if (this.acme) await lookAtCertificate(this.hands, this.acme, workspace.root, (ca) => this.visit(ca));
    if (this.options.nat) {
      const { check } = this.hands;
      const visit = () => this.visit(this.visitor.ca);
      await lookAtWayOut(check, { lab: labName(), linode: this.linode, visit, signal: this.options.signal });
    }
    await this.check("a second up changes nothing", async () => {
      const ran = await this.cli("up", "--json");
      if (ran.code !== 0) return lastWords(ran);
      const { summary } = JSON.parse(ran.stdout) as { summary: Record<string, number> };
      const others = Object.entries(summary).filter(([op, count]) => op !== "same" && count > 0);
      return { ok: others.length === 0, found: JSON.stringify(summary) };
    });
  }

  /** @param within seconds in which what went before may still come to its end. Default: at once */
  private async status(within = 0): Promise<void> {
    const end = performance.now() + within * 1000;
    await this.check("status finds nothing wrong", async () => {
      for (;;) {
        const { code, stdout, stderr } = await this.cli("status", "--json");
        if (code === 2) return lastWords({ code, stdout, stderr });
        const { problems } = JSON.parse(stdout) as { problems: string[] };
        if (code === 0 || performance.now() > end)
          return { ok: code === 0, found: problems.length === 0 ? "all members well" : problems.join("; ") };
      }
    });
  }

  /** What anybody sees: names, the site, and closed ports. */
  private async network(outputs: Outputs, domain: string | undefined): Promise<void> {
    const host = this.config["hashistack:site"]?.domain;
    const { ca } = this.visitor;
    const from = (command: readonly string[]) => this.fromStranger(command);
    const get = (...args: string[]): Promise<Ran> =>
      from(["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", ca, ...args]);
    const addresses = outputs.loadBalancers
      .flatMap(({ name }) => [outputs.machines[name]?.publicIpv4, outputs.machines[name]?.publicIpv6])
      .filter((address) => address !== undefined)
      .sort();
    for (const name of host && domain ? [host, `anything.${host}`] : []) {
      await this.check(`the name ${name} has the load balancers' addresses`, async () => {
        const { stdout } = await from(["getent", "ahosts", name]);
        const lines = stdout.split("\n").map((line) => line.split(/\s+/)[0]);
        const found = [...new Set(lines)].filter(Boolean).sort();
        return { ok: found.join() === addresses.join(), found: found.join(", ") || "no such name" };
      });
    }
    for (const family of ["--ipv4", "--ipv6"]) {
      await this.check(`anybody sees the site by its name (${family.slice(2)})`, async () => {
        const ran = await get(family, `https://${host}/`);
        return { ok: ran.code === 0 && ran.stdout.includes("Kept in Vault"), found: words(ran) };
      });
    }
    await this.check(
      "anybody else's knock at a machine's public address stays without an answer",
      async () => {
        const balancers = new Set(
          outputs.loadBalancers.map(({ name }) => outputs.machines[name]?.publicIpv4),
        );
        // Those too that have an address for going out alone, of which the stack does not tell.
        const knocks = [...this.linode.api.state.instances.values()].flatMap(({ view }) =>
          view.ipv4.flatMap((address) =>
            [22, 443, 4646, 8200, 8501]
              .filter((port) => port !== 443 || !balancers.has(address))
              .map((port) => ({ at: `${view.label}:${port}`, url: `http://${address}:${port}/` })),
          ),
        );
        const answered = await Promise.all(
          knocks.map(async ({ at, url }) => {
            const quiet = ["--silent", "--output", "/dev/null", "--write-out", "%{time_connect}"];
            const { code, stdout } = await from(["curl", ...quiet, "--connect-timeout", "3", url]);
            return code === 28 && Number(stdout) === 0 ? [] : [at];
          }),
        );
        return {
          ok: answered.flat().length === 0,
          found: answered.flat().join(", ") || `${knocks.length} knocks`,
        };
      },
    );
  }

  /** The file with the root by which the site's certificate is verified. */
  private siteCa(outputs: Outputs): string {
    const file = join(this.project.workspace.directory, "rehearsal-site-ca.pem");
    writeFileSync(file, outputs.ca.site ?? "");
    return file;
  }

  /** Anybody's visit by the site's name. @param ca the file with the roots that he trusts */
  private visit(ca: string): Promise<Ran> {
    const url = `https://${this.visitor.host}/`;
    return this.fromStranger(["curl", "--silent", "--show-error", "--max-time", "20", "--cacert", ca, url]);
  }

  private fromStranger(command: readonly string[]): Promise<Ran> {
    return runAny(this.linode.fromStranger(command), {
      what: command[0] ?? "",
      signal: this.options.signal,
    });
  }

  private async end(domain: string | undefined): Promise<void> {
    const cloud = this.config["hashistack:cloud"];
    if (cloud?.protect) {
      await this.check("destroy is refused while support is protected", async () => {
        const ran = await this.cli("destroy", "--json");
        return { ok: ran.code !== 0, found: lastWords(ran).found };
      });
      cloud.protect = false;
      this.write();
      await this.command("an up takes the protection away", "up", "--json");
    }
    await this.command("destroy ends all of it", "destroy", "--json");
    await this.check("nothing is left in the account but the domain", async () => {
      const { domains, ...left } = await ask<Record<string, string[]>>(this.socket, "GET", "/lab/left");
      const all = Object.values(left).flat();
      const strange = (domains ?? []).filter((one) => one !== domain);
      return { ok: all.length + strange.length === 0, found: [...all, ...strange].join(", ") || "nothing" };
    });
    await this.check("every call was one that is emulated", async () => {
      const unknown = Object.keys(await this.calls()).filter((route) => route.includes("(unknown)"));
      return { ok: unknown.length === 0, found: unknown.join(", ") || "yes" };
    });
  }

  /** A command that must succeed. Gives whether it did. */
  private command(what: string, verb: string, ...words: string[]): Promise<boolean> {
    return this.check(what, async () => {
      const started = performance.now();
      const ran = await this.cli(verb, ...words);
      if (ran.code !== 0) return lastWords(ran);
      const { summary } = JSON.parse(ran.stdout) as { summary: Record<string, number> };
      return {
        ok: true,
        found: `${Math.round((performance.now() - started) / 1000)} s, ${JSON.stringify(summary)}`,
      };
    });
  }

  private async check(what: string, look: () => Promise<{ ok: boolean; found: string }>): Promise<boolean> {
    this.options.say(what);
    let result: { ok: boolean; found: string };
    try {
      result = await look();
    } catch (error) {
      if (this.options.signal?.aborted) throw error;
      result = { ok: false, found: (error as Error).message };
    }
    this.checks.push({ what, ...result });
    if (!result.ok) this.options.say(`WRONG: ${result.found}`);
    return result.ok;
  }

  /** `hashistack …` outside the lab, as an admin runs it at home. */
  private cli(verb: string, ...words: string[]): Promise<Ran> {
    const program = join(checkout(), "cli/bin/hashistack.js");
    const argv = [process.execPath, program, verb, ...words, "--stack", this.options.stack];
    return runAny(this.linode.fromOutside(argv), {
      what: `hashistack ${verb}`,
      cwd: this.project.workspace.root,
      env: { ...this.project.env, LINODE_TOKEN: token, LINODE_URL: this.linode.url },
      timeoutSeconds: commandLimit,
      signal: this.options.signal,
    });
  }
}

const words = ({ code, stdout, stderr }: Ran): string =>
  `${code} ${stderr.trim() || `${stdout.length} characters`}`.slice(0, 300);
