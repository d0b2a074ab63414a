import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
// Without types of `connect` on a stream that the package's own have: it is typed by @types/ssh2.
import { Client, type ConnectConfig } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAny } from "../../../bench/run";
import type { StateResource, Trial } from "../support/trial";
import { outcomes } from "./credentials";

type Rows = Record<string, string>;

/** What SSH lets through, and what it does not, on support and on the others behind it. */
export function sshRefusals(trial: Trial): void {
  describe("SSH", () => {
    let key: string;
    let restartKey: string;
    let support: Client;
    const opened: Client[] = [];

    /** A login, with host keys verified, straight to support or through it to another. */
    const login = async (machine: string, change: Partial<ConnectConfig> = {}): Promise<Client> => {
      const { support: jump, machines } = await trial.outputs();
      const hostKey = machines[machine]?.hostKey.split(" ")[1];
      const place: Partial<ConnectConfig> =
        machine === jump.name
          ? { host: jump.address }
          : { sock: await forwarded(support, machines[machine]?.privateIpv6 ?? "", 22) };
      const client = new Client();
      opened.push(client);
      return new Promise((resolve, reject) => {
        client.once("ready", () => resolve(client));
        client.once("error", reject);
        client.connect({
          ...{ username: jump.user, privateKey: key, readyTimeout: 15_000 },
          ...place,
          hostVerifier: (shown: Buffer) => shown.toString("base64") === hostKey,
          ...change,
        });
      });
    };
    const entry = (machine: string, change?: Partial<ConnectConfig>) => allowed(login(machine, change));

    beforeAll(async () => {
      key = (await trial.outputs()).sshPrivateKey;
      restartKey = keyNamed(await trial.state(), "rollout");
      support = await login("support-a");
    });
    afterAll(() => {
      for (const client of opened) client.end();
    });

    it("to support: who gets in, and where he gets to from there", async () => {
      const control = (await trial.machine("control-a")).privateIpv6;
      const withAgent = await login("support-a", { agent: "/nonexistent", agentForward: true });
      const another = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      const seen = await all({
        "the stack's key": allowed(said(support, "id -un", "ops\n")),
        "the stack's key, as root": entry("support-a", { username: "root" }),
        "another key": entry("support-a", {
          privateKey: another.export({ type: "sec1", format: "pem" }),
        }),
        "the key by which support has servers restarted": entry("support-a", {
          privateKey: restartKey,
        }),
        "a password": entry("support-a", { privateKey: undefined, password: "ops" }),
        "a password, asked for by questions": entry("support-a", {
          privateKey: undefined,
          tryKeyboard: true,
        }),
        "forward to a member's SSH": allowed(forwarded(support, control, 22)),
        "forward to a pass-through of support's own": allowed(forwarded(support, "localhost", 8501)),
        "forward to another port of a member": allowed(forwarded(support, control, 8501)),
        "forward to the signer behind its gate": allowed(forwarded(support, "localhost", 8889)),
        "forward to the unsealer": allowed(forwarded(support, "localhost", 8210)),
        "forward to a socket": socket(),
        "forward from there to here": allowed(answered((done) => support.forwardIn("127.0.0.1", 0, done))),
        "forward from a socket there to here": allowed(
          answered((done) => support.openssh_forwardInStreamLocal("/tmp/refused.sock", done)),
        ),
        "the agent": allowed(said(withAgent, "id -un", "ops\n")),
        X11: allowed(answered((done) => support.exec("id", { x11: true }, done))),
        "a tunnel": tunnel(),
      });
      expect(seen).toEqual(outcomes["SSH on support"]);
    });

    it("to the others, through support", async () => {
      const client = await login("control-a");
      const withAgent = await login("control-a", { agent: "/nonexistent", agentForward: true });
      const restart = await login("control-a", { privateKey: restartKey });
      const refusal = "refused: this key restarts what waits for it, and nothing else\n";
      const seen = await all({
        "the stack's key": allowed(said(client, "id -un", "ops\n")),
        "the stack's key, as root": entry("control-a", { username: "root" }),
        "a password": entry("control-a", { privateKey: undefined, password: "ops" }),
        "forward to an API on loopback": allowed(forwarded(client, "localhost", 8501)),
        "forward from there to here": allowed(answered((done) => client.forwardIn("127.0.0.1", 0, done))),
        "the agent": allowed(said(withAgent, "id -un", "ops\n")),
        "the restart key: what waits?": allowed(said(restart, "pending", "[]\n")),
        "the restart key: deletes a sound server's data": notSaid(
          said(restart, "rejoin vault.service", ""),
          "vault.service does not take itself for removed\n",
        ),
        "the restart key: another command": notSaid(said(restart, "id", ""), refusal),
        "the restart key: a shell": notSaid(
          answered<Channel>((done) => restart.shell(false, done)).then(read),
          refusal,
        ),
        "the restart key: a terminal": allowed(
          answered((done) => restart.exec("pending", { pty: true }, done)),
        ),
        "the restart key: files (sftp)": allowed(answered((done) => restart.sftp(done))),
        "the restart key: forward to an API": allowed(forwarded(restart, "localhost", 8501)),
      });
      expect(seen).toEqual(outcomes.SSH);
    });

    it("sshd is told so, in its own words", async () => {
      const no =
        "permitrootlogin passwordauthentication kbdinteractiveauthentication hostbasedauthentication " +
        "gssapiauthentication kerberosauthentication permitemptypasswords permituserenvironment permituserrc " +
        "permittunnel gatewayports allowstreamlocalforwarding allowagentforwarding x11forwarding";
      const common = {
        ...Object.fromEntries(no.split(" ").map((word) => [word, "no"])),
        ...{ pubkeyauthentication: "yes", authenticationmethods: "publickey", allowusers: "ops" },
        ...{ maxauthtries: "3", logingracetime: "60" },
      };
      const wanted: Record<string, Rows> = {
        "support-a": {
          ...common,
          allowtcpforwarding: "local",
          permitopen: "*:22 localhost:8200 localhost:8501 localhost:4646",
        },
        "control-a": { ...common, allowtcpforwarding: "no" },
        "client-a": { ...common, allowtcpforwarding: "no" },
      };
      for (const [machine, lines] of Object.entries(wanted)) {
        const told = (await trial.inside(machine, "sshd", "-T")).trim().split("\n");
        const words = told.map((line): [string, string] => {
          const [word = "", ...rest] = line.split(" ");
          return [word, rest.join(" ")];
        });
        expect([machine, Object.fromEntries(words)]).toEqual([machine, expect.objectContaining(lines)]);
      }
    });

    /** A forward to a socket that everybody may use: sshd answers as if it could not be reached, and says why in its log. */
    const socket = async (): Promise<string> => {
      const path = "/run/systemd/journal/stdout";
      const before = await refusedSockets(path);
      const said = await allowed(answered((done) => support.openssh_forwardOutStreamLocal(path, done)));
      if (said === "allowed") return said;
      return (await refusedSockets(path)) === before + 1 ? "refused" : said;
    };
    const refusedSockets = async (path: string): Promise<number> => {
      const log = await trial.inside(
        "support-a",
        "journalctl",
        "--quiet",
        "--no-pager",
        "--output=cat",
        "--identifier=sshd",
      );
      return log
        .split("\n")
        .filter((line) => line.includes("refused streamlocal port forward") && line.includes(path)).length;
    };

    /** A tunnel device, asked for from the lab's outside, where one may be made. */
    const tunnel = async (): Promise<string> => {
      await trial.cli("ssh", "support", "--", "true");
      const { publicIpv4 } = await trial.machine("support-a");
      const config = join(trial.folder, ".hashistack/ssh/dev/config");
      const options = [
        "BatchMode=yes",
        `HostName=${publicIpv4}`,
        "ExitOnForwardFailure=yes",
        "LogLevel=INFO",
      ];
      const ssh = ["ssh", "-F", config, ...options.flatMap((option) => ["-o", option])];
      const from = (...words: string[]) =>
        runAny(trial.lab.argv("exec", "outside", "--", ...ssh, ...words), { what: "ssh with a tunnel" });
      expect(await from("support-a", "true")).toMatchObject({ code: 0 });
      const { code, stderr } = await from("-w", "any:any", "support-a", "true");
      if (code === 255 && /prohibited|Tunnel forwarding failed/.test(stderr)) return "refused";
      return `${code} ${stderr}`;
    };
  });
}

/** The private key of a name in the state, as OpenSSH writes it. */
function keyNamed(state: readonly StateResource[], name: string): string {
  const found = state.find(({ urn, type }) => type.endsWith(":PrivateKey") && urn.endsWith(`::${name}`));
  const secret = found?.outputs?.privateKeyOpenssh as { plaintext: string };
  return JSON.parse(secret.plaintext) as string;
}

/** What of each came, all at once. */
async function all(rows: Readonly<Record<string, Promise<string>>>): Promise<Rows> {
  const each = Object.entries(rows).map(async ([name, row]) => [name, await row]);
  return Object.fromEntries(await Promise.all(each));
}

type Channel = Duplex & { stderr?: Readable };

function answered<T>(ask: (done: (error?: Error | null, answer?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    ask((error, answer) => (error ? reject(error) : resolve(answer as T))),
  );
}

/** A connection from there on. */
function forwarded(through: Client, host: string, port: number): Promise<Duplex> {
  return answered<Duplex>((done) => through.forwardOut("127.0.0.1", 0, host, port, done));
}

function read(stream: Channel): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    for (const part of [stream, stream.stderr]) part?.on("data", (data: Buffer) => (text += data));
    stream.on("close", () => resolve(text));
  });
}

/** Runs a command, which must say this; "" is whatever. */
async function said(client: Client, command: string, text: string): Promise<string> {
  const output = await read(await answered<Channel>((done) => client.exec(command, done)));
  if (text && output !== text) throw new Error(`${command} said: ${output}`);
  return output;
}

/** A forced command's refusal. */
async function notSaid(output: Promise<string>, refusal: string): Promise<string> {
  const text = await output;
  return text === refusal ? "refused" : `said: ${text}`;
}

/** The refusals of OpenSSH as the library tells them; that it cannot connect, or anything else, is none. */
const refusals =
  /All configured authentication methods failed|administratively prohibited|open failed|Unable to (bind|request|start)|prohibited|Received exit code 2 /i;

async function allowed(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "allowed";
  } catch (error) {
    const { message, reason } = error as Error & { reason?: number };
    // 2 is a connection that was tried.
    if (reason !== 2 && refusals.test(message)) return "refused";
    return `${message}`;
  }
}
