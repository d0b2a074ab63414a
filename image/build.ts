import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bakedPrograms } from "../lab/machines/image-layers";
import { projectRoot } from "../lab/toolchain/goModule";
import { ensureTools } from "../lab/toolchain/index";
import { type Asked, checkAsked, missingLogin, variablesOf } from "./clouds";
import { type ImageProgram, layOut } from "./contents";
import { exitCodes, ImageError } from "./errors";
import { pluginFolder } from "./plugins";

/** From what is asked to an image: programs, plugin, a folder for Packer, and Packer. */

export interface BuildTools {
  readonly environment: NodeJS.ProcessEnv;
  /** Says how far it is. */
  readonly say: (words: string) => void;
}

/** A folder as Packer takes it: template, scripts, variables, and what the machine is given. The caller removes it. */
export function prepareFolder(asked: Asked, programs: readonly ImageProgram[]): string {
  const project = projectRoot();
  const folder = mkdtempSync(join(tmpdir(), "hashistack-image-"));
  try {
    for (const file of ["variables", "build", asked.cloud])
      cpSync(join(project, `image/template/${file}.pkr.hcl`), join(folder, `${file}.pkr.hcl`));
    cpSync(join(project, "image/scripts"), join(folder, "scripts"), { recursive: true });
    layOut(project, join(folder, "given"), programs);
    const variables = JSON.stringify(variablesOf(asked, programs), undefined, 2);
    writeFileSync(join(folder, "variables.pkrvars.json"), `${variables}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/**
 * Makes an image, or with `validate` only looks whether Packer would.
 * @returns the image's id at the cloud; undefined with `validate`
 * @throws ImageError of one sentence
 */
export async function buildImage(asked: Asked, tools: BuildTools): Promise<string | undefined> {
  const { environment, say } = tools;
  checkAsked(asked);
  const missing = missingLogin(asked.cloud, environment);
  if (missing) throw new ImageError(missing, exitCodes.host);
  const onProgress = ({ tool, phase }: { tool: string; phase: string }): void => {
    if (!/^ready \((cache|path)\)$/.test(phase)) say(`${tool}: ${phase}`);
  };
  const [packer, ...programs] = await ensureTools(["packer", ...bakedPrograms, ...asked.with], {
    onProgress,
  });
  if (!packer) throw new ImageError("The toolchain has no Packer.");
  const plugins = await pluginFolder(asked.cloud, packer.path, environment, say);
  const folder = prepareFolder(asked, programs);
  try {
    const call = (verb: string, ...words: string[]) =>
      runPacker(packer.path, [verb, ...words, "-var-file=variables.pkrvars.json", "."], folder, {
        ...environment,
        PACKER_PLUGIN_PATH: plugins,
        PACKER_CONFIG_DIR: folder,
        PACKER_CACHE_DIR: join(folder, "cache"),
        CHECKPOINT_DISABLE: "1",
      });
    say(`packer validate (${asked.cloud})`);
    await call("validate");
    if (asked.validate) return undefined;
    say(`packer build (${asked.cloud}): image "${asked.name}", some minutes`);
    await call("build", `-color=${process.stderr.isTTY === true}`, "-on-error=cleanup");
    return madeId(readFileSync(join(folder, "made.json"), "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The id of the image in what Packer's post-processor "manifest" wrote. */
export function madeId(manifest: string): string {
  const { builds } = JSON.parse(manifest) as { builds?: { artifact_id?: string }[] };
  const id = builds?.[builds.length - 1]?.artifact_id;
  if (!id) throw new ImageError("Packer ended well, but named no image: look for it at the cloud.");
  return id;
}

/**
 * Runs Packer with its words on standard error. Ctrl-C reaches Packer by itself (it takes its machine away then); another
 * request to end is passed on, and waited for.
 */
export function runPacker(
  packer: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(packer, args, { cwd: folder, env: environment, stdio: ["ignore", 2, 2] });
    let asked = false;
    const passOn = (signal: NodeJS.Signals): void => {
      asked = true;
      // The terminal has told Packer of SIGINT, too; a second one would not let it clean up.
      if (signal !== "SIGINT") child.kill("SIGINT");
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
    for (const signal of signals) process.on(signal, passOn);
    const done = (error?: Error): void => {
      for (const signal of signals) process.off(signal, passOn);
      if (error) reject(error);
      else resolve();
    };
    child.on("error", (error) => done(new ImageError(`Packer could not be started: ${error.message}`)));
    child.on("close", (status) => {
      // An image that is made all the same must be told of.
      if (asked && !(status === 0 && args[0] === "build"))
        done(new ImageError("interrupted", exitCodes.interrupted));
      else if (status === 0) done();
      else done(new ImageError(`packer ${args[0]} failed (exit ${status}): its own words stand above.`));
    });
  });
}
