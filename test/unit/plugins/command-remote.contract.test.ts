import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isSecret, plain, secret, UNKNOWN } from "../../../lab/plugins/common/values";
import { PluginUnderTest, secretIn, type Values } from "./plugin-under-test";
import { startSilentServer, startSshServer, type TestServer } from "./ssh-server";

const REMOTE = "command:remote:Command";

let plugin: PluginUnderTest;
let server: TestServer;
let jump: TestServer;
let connection: Values;

beforeAll(async () => {
  // A user's agent must not take part.
  delete process.env.SSH_AUTH_SOCK;
  [plugin, server, jump] = [
    await PluginUnderTest.start("command"),
    await startSshServer(),
    await startSshServer(),
  ];
});
beforeEach(() => {
  connection = to(server);
});
afterAll(async () => {
  server?.close();
  jump?.close();
  await plugin?.stop();
});

function to(target: TestServer): Values {
  const { port, hostKey, privateKey } = target;
  return { host: "127.0.0.1", port, hostKey, privateKey, user: "admin", dialErrorLimit: 0 };
}

function outputs(properties: Values): { stdout?: string; stderr?: string } {
  return plain(properties) as { stdout?: string; stderr?: string };
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

describe("remote.Command", () => {
  it("runs create over SSH, takes stdin, keeps both outputs", async () => {
    const made = await plugin.make(REMOTE, { connection, create: "cat; echo two >&2", stdin: "one\n\n" });
    expect(outputs(made.properties)).toMatchObject({ stdout: "one\n", stderr: "two" });
    expect(made.id).toMatch(/^subject[0-9a-f]{8}$/);
  });

  it("carries a large stdin and a large output whole", async () => {
    const stdin = "0123456789abcdef".repeat(200_000);
    const made = await plugin.make(REMOTE, { connection, create: "cat", stdin, logging: "none" });
    expect(outputs(made.properties).stdout === stdin).toBe(true);
  });

  it("lets a command ignore its stdin", async () => {
    const stdin = "x".repeat(3_000_000);
    const made = await plugin.make(REMOTE, { connection, create: "exec 0<&-; echo done", stdin });
    expect(outputs(made.properties).stdout).toBe("done");
  });

  it("updates with update, else create; deletes; hands over the last output", async () => {
    const show = 'printf "%s" "$PULUMI_COMMAND_STDOUT"';
    const old = await plugin.make(REMOTE, { connection, create: "printf a" });
    const updated = await plugin.checked(REMOTE, { connection, create: "echo no", update: show });
    expect(outputs(await plugin.update(REMOTE, old, updated)).stdout).toBe("a");
    const again = await plugin.checked(REMOTE, { connection, create: show });
    expect(outputs(await plugin.update(REMOTE, old, again)).stdout).toBe("a");
    const logins = server.logins;
    await plugin.delete(REMOTE, old);
    expect(server.logins).toBe(logins);
    await plugin.delete(REMOTE, { ...old, properties: { ...old.properties, delete: "true" } });
    expect(server.logins).toBe(logins + 1);
  });

  it("connects with a password", async () => {
    const { privateKey: _, ...rest } = connection;
    const made = await plugin.make(REMOTE, {
      connection: { ...rest, password: server.password },
      create: "echo in",
    });
    expect(outputs(made.properties).stdout).toBe("in");
  });

  it("goes through a jump host, each host's key verified", async () => {
    const forwards = jump.forwards;
    const made = await plugin.make(REMOTE, {
      connection: { ...connection, proxy: to(jump) },
      create: "echo far",
    });
    expect(outputs(made.properties).stdout).toBe("far");
    expect(jump.forwards).toBe(forwards + 1);
    const wrongJump = { ...connection, proxy: { ...to(jump), hostKey: server.hostKey } };
    await expect(plugin.make(REMOTE, { connection: wrongJump, create: "true" })).rejects.toThrow(/host key/);
    const wrongEnd = { ...connection, hostKey: jump.hostKey, proxy: to(jump) };
    await expect(plugin.make(REMOTE, { connection: wrongEnd, create: "true" })).rejects.toThrow(/host key/);
  });

  it("takes the host key with a comment, or as a line of known_hosts", async () => {
    for (const hostKey of [`${server.hostKey} a comment`, `127.0.0.1 ${server.hostKey}\n`]) {
      await plugin.make(REMOTE, { connection: { ...connection, hostKey }, create: "true" });
    }
  });

  it("refuses a server with another host key, before it logs in", async () => {
    const logins = server.logins;
    const wrong = plugin.make(REMOTE, {
      connection: { ...connection, hostKey: jump.hostKey },
      create: "true",
    });
    await expect(wrong).rejects.toThrow(/host key/);
    expect(server.logins).toBe(logins);
  });

  it("fails with the machine, the status and what the command printed", async () => {
    const failing = messageOf(plugin.make(REMOTE, { connection, create: "echo the cause >&2; exit 7" }));
    expect(await failing).toMatch(/status 7[\s\S]*the cause/);
    if (!plugin.official) expect(await failing).toContain(`admin@127.0.0.1:${server.port}`);
    expect(await messageOf(plugin.make(REMOTE, { connection, create: "kill -9 $$" }))).toMatch(
      /signal (SIG)?KILL/,
    );
  });

  it("shows no credential in an error", async () => {
    const wrong = { ...connection, privateKey: jump.privateKey, password: "battery staple" };
    const message = await messageOf(plugin.make(REMOTE, { connection: wrong, create: "cat", stdin: "hush" }));
    expect(message).toMatch(/auth/i);
    for (const hidden of ["battery", "PRIVATE KEY", "hush"]) expect(message).not.toContain(hidden);
  });

  it("dials again as often as dialErrorLimit allows", async () => {
    server.failures = 2;
    const patient = await plugin.make(REMOTE, {
      connection: { ...connection, dialErrorLimit: 2 },
      create: "echo ok",
    });
    expect(outputs(patient.properties).stdout).toBe("ok");
    server.failures = 2;
    const hasty = plugin.make(REMOTE, { connection: { ...connection, dialErrorLimit: 1 }, create: "true" });
    await expect(hasty).rejects.toThrow();
    expect(server.failures).toBe(0);
  });

  it("ends endless dialling when the resource's time is over", async () => {
    const begun = Date.now();
    server.failures = 1_000;
    const endless = plugin.make(
      REMOTE,
      { connection: { ...connection, dialErrorLimit: -1 }, create: "true" },
      { timeout: 1 },
    );
    const message = await messageOf(endless);
    server.failures = 0;
    expect(Date.now() - begun).toBeLessThan(4_000);
    expect(message).not.toBe("no error");
    if (!plugin.official) expect(message).toMatch(/timed out after 1 s.*the last one/);
  });

  it("gives up on a host that never answers", async (context) => {
    // The official provider waits for it without end.
    if (plugin.official) context.skip();
    const silent = await startSilentServer();
    const begun = Date.now();
    const deaf = { ...connection, port: silent.port, perDialTimeout: 1 };
    const message = await messageOf(plugin.make(REMOTE, { connection: deaf, create: "true" }));
    const through = { ...connection, proxy: { ...to(jump), port: silent.port, perDialTimeout: 1 } };
    const behind = await messageOf(plugin.make(REMOTE, { connection: through, create: "true" }));
    silent.close();
    expect(message).toMatch(new RegExp(`127.0.0.1:${silent.port}.*no answer within 1 s`));
    expect(behind).toMatch(/no answer within 1 s/);
    expect(Date.now() - begun).toBeLessThan(5_000);
  });

  it("ends a running command when the resource's time is over", async (context) => {
    if (plugin.official) context.skip();
    const message = await messageOf(
      plugin.make(REMOTE, { connection, create: "echo begun >&2; sleep 60" }, { timeout: 1 }),
    );
    expect(message).toMatch(/timed out after 1 s[\s\S]*begun/);
  });

  it("says that a connection was lost while its command ran", async () => {
    const dying = await startSshServer();
    const lost = messageOf(plugin.make(REMOTE, { connection: to(dying), create: "echo on; sleep 60" }));
    await expect.poll(() => plugin.logs.some((line) => line.message === "on"), { timeout: 5_000 }).toBe(true);
    dying.close();
    expect(await lost).toMatch(/connection|exit status|EOF/);
  });

  it("runs many at once", async () => {
    const inputs = await plugin.checked(REMOTE, { connection, create: "cat", stdin: "same" });
    const made = await Promise.all(Array.from({ length: 12 }, () => plugin.create(REMOTE, inputs)));
    expect(new Set(made.map(({ properties }) => outputs(properties).stdout))).toEqual(new Set(["same"]));
  });

  it("marks the connection secret, with its defaults, and stdin only if it came so", async () => {
    const bare = { host: "127.0.0.1", proxy: { host: "127.0.0.2" } };
    const { inputs } = await plugin.check(REMOTE, { connection: bare, create: "true", stdin: "open" });
    expect(isSecret(inputs.connection)).toBe(true);
    expect(inputs.stdin).toBe("open");
    const defaults = { port: 22, user: "root", dialErrorLimit: 10, perDialTimeout: 15 };
    expect(plain(inputs.connection)).toEqual({
      ...defaults,
      host: "127.0.0.1",
      proxy: { ...defaults, host: "127.0.0.2" },
    });
    const made = await plugin.make(REMOTE, { connection, create: "true", stdin: secret("quiet") });
    expect([secretIn(made.properties, "connection"), secretIn(made.properties, "stdin")]).toEqual([
      true,
      true,
    ]);
  });

  it("runs again when only the connection changes", async () => {
    const old = await plugin.make(REMOTE, { connection, create: "true" });
    const news = await plugin.checked(REMOTE, {
      connection: { ...connection, perDialTimeout: 9 },
      create: "true",
    });
    const diff = await plugin.diff(REMOTE, old.id, old.properties, old.inputs, news);
    expect(diff).toMatchObject({ changed: true, replaces: [] });
    expect(await plugin.diff(REMOTE, old.id, old.properties, old.inputs, old.inputs)).toMatchObject({
      changed: false,
    });
  });

  it("previews a connection that is not known yet", async () => {
    const unknownHost = { ...connection, host: UNKNOWN, hostKey: UNKNOWN };
    const inputs = await plugin.checked(REMOTE, { connection: unknownHost, create: UNKNOWN });
    const { properties } = await plugin.create(REMOTE, inputs, { preview: true });
    expect(plain(properties.stdout)).toBe(UNKNOWN);
    await expect(plugin.checked(REMOTE, { connection: UNKNOWN, create: "true" })).resolves.toBeDefined();
  });

  it("refuses properties that it does not know, without printing the connection", async () => {
    const { failures } = await plugin.check(REMOTE, {
      connection: { ...connection, prot: 22 },
      create: "true",
    });
    expect(failures).toHaveLength(1);
    expect(failures[0].reason).toContain("prot");
    if (!plugin.official) expect(failures[0].reason).not.toContain("PRIVATE KEY");
    expect((await plugin.check(REMOTE, { create: "true" })).failures[0].property).toBe("connection");
    const hostless = await plugin.check(REMOTE, { connection: { user: "admin" }, create: "true" });
    expect(hostless.failures[0].reason).toContain("host");
    if (plugin.official) return;
    const reason = async (inputs: Values) =>
      (await plugin.check(REMOTE, { connection, ...inputs })).failures[0].reason;
    expect(await reason({ environment: { A: "1" } })).toMatch(/does not implement environment/);
    expect(await reason({ connection: { ...connection, hostKey: "127.0.0.1" } })).toMatch(/public key line/);
    expect(await reason({ connection: { ...connection, port: 70_000 } })).toMatch(/port number/);
  });

  it("says when a private key cannot be read, without dialling", async () => {
    const broken = plugin.make(REMOTE, {
      connection: { ...connection, privateKey: "-----nonsense-----" },
      create: "true",
    });
    expect(await messageOf(broken)).toMatch(/key/);
  });
});
