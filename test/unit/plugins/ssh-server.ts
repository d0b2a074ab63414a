/** A small SSH server on loopback that runs what it is asked with /bin/sh, and forwards as a jump host does. */
import { spawn } from "node:child_process";
import * as net from "node:net";
import { type Connection, Server, type Session, utils } from "ssh2";
import {
  describePrivateKey,
  generatePrivateKey,
  type PrivateKeyOutputs,
} from "../../../lab/plugins/tls/keys";

export interface TestServer {
  port: number;
  /** Its public host key, as one line. */
  hostKey: string;
  /** A private key that it lets in. */
  privateKey: string;
  /** The password that it takes. */
  password: string;
  /** Connections that authenticated so far. */
  logins: number;
  /** Streams that it forwarded so far. */
  forwards: number;
  /** Drops connections instead of answering, as often as this says. */
  failures: number;
  close(): void;
}

/** Starts a server. It lets environment variables in as `AcceptEnv PULUMI_*` would. */
export async function startSshServer(): Promise<TestServer> {
  const [host, user] = await Promise.all([makeKey(), makeKey()]);
  const userPublic = utils.parseKey(user.publicKeyOpenssh);
  if (userPublic instanceof Error) throw userPublic;
  const open = new Set<Connection>();
  const server = new Server({ hostKeys: [host.privateKeyOpenssh] }, (client) => {
    open.add(client);
    client.on("error", () => {});
    client.on("close", () => open.delete(client));
    client.on("authentication", (request) => {
      const rightPassword = request.method === "password" && request.password === state.password;
      const rightKey = request.method === "publickey" && request.key.data.equals(userPublic.getPublicSSH());
      if (rightPassword || rightKey) request.accept();
      else request.reject(["publickey", "password"]);
    });
    client.on("ready", () => {
      state.logins++;
      client.on("session", (accept) => serveSession(accept()));
      client.on("tcpip", (accept, _reject, { destIP, destPort }) => {
        state.forwards++;
        const stream = accept();
        const target = net.connect(destPort, destIP);
        stream.on("error", () => {});
        target.on("error", () => stream.destroy());
        stream.on("close", () => target.destroy());
        target.pipe(stream).pipe(target);
      });
    });
  });
  const front = net.createServer({ noDelay: true }, (socket) => {
    if (state.failures > 0) {
      state.failures--;
      socket.destroy();
    } else {
      socket.on("error", () => {});
      server.injectSocket(socket);
    }
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  const state: TestServer = {
    port: (front.address() as net.AddressInfo).port,
    hostKey: host.publicKeyOpenssh,
    privateKey: user.privateKeyOpenssh,
    password: "correct horse",
    logins: 0,
    forwards: 0,
    failures: 0,
    close: () => {
      for (const client of open) client.end();
      front.close();
    },
  };
  return state;
}

/** Not ssh2's own generator, which strips a public key's leading zeros: one of 500 of its keys cannot be read again. */
async function makeKey(): Promise<PrivateKeyOutputs> {
  return describePrivateKey(await generatePrivateKey("ED25519", "P256", 0));
}

function serveSession(session: Session): void {
  const env: Record<string, string> = {};
  session.on("env", (accept, reject, { key, val }) => {
    if (!key.startsWith("PULUMI_")) return void reject?.();
    env[key] = val;
    accept?.();
  });
  session.on("exec", (accept, _reject, { command }) => {
    const channel = accept();
    const child = spawn("/bin/sh", ["-c", command], { env: { PATH: process.env.PATH, ...env } });
    channel.on("error", () => {});
    child.stdin.on("error", () => {});
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.on("close", (code, signal) => {
      if (signal) channel.exit(signal.replace("SIG", ""));
      else channel.exit(code ?? 255);
      channel.end();
    });
    channel.on("close", () => child.kill());
  });
}

/** A port that takes connections and never says a word. */
export async function startSilentServer(): Promise<{ port: number; close(): void }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
