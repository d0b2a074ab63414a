import { createSocket } from "node:dgram";
import { request } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { decode, encode, type Packet, streamEncode } from "dns-packet";
import type { Zone } from "./admin.js";
import { answerTo } from "./dns.js";

/**
 * What of the emulated Linode lies outside: runs in the lab's namespace `outside`, reaches the emulator by its socket, and
 * ends with its standard input. Listens on 127.0.0.1:PORT for the API, and on port 53 of all addresses for names.
 * usage: outside-main.js SOCKET PORT
 */

function zones(socketPath: string): Promise<readonly Zone[]> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: "/lab/zones", timeout: 5000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        try {
          resolve((JSON.parse(text) as { zones: Zone[] }).zones);
        } catch (error) {
          reject(error);
        }
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("the emulator does not answer")));
    asked.on("error", reject);
    asked.end();
  });
}

const complain = (error: unknown): void => {
  process.stderr.write(`A question for a name: ${String(error)}\n`);
};

/** A query that cannot be read, or answered, gets no answer, as any junk. */
async function answer(
  socketPath: string,
  message: Buffer,
  write: (reply: Packet) => Buffer,
): Promise<Buffer | undefined> {
  try {
    return write(answerTo(decode(message), await zones(socketPath)));
  } catch (error) {
    complain(error);
    return undefined;
  }
}

function serveUdp(socketPath: string, kind: "udp4" | "udp6"): Promise<void> {
  const socket = createSocket({ type: kind, ipv6Only: kind === "udp6" });
  socket.on("message", (message, from) => {
    void answer(socketPath, message, encode).then((reply) => {
      if (reply) socket.send(reply, from.port, from.address);
    });
  });
  // One who asked and cannot be answered is no reason to answer nobody.
  socket.on("error", complain);
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(53, resolve);
  });
}

/** Queries over TCP come with their length before them. */
const tcpNames = (socketPath: string): Server =>
  createServer((socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
        const message = rest.subarray(2, rest.readUInt16BE(0) + 2);
        rest = rest.subarray(message.length + 2);
        void answer(socketPath, message, streamEncode).then((reply) => reply && socket.write(reply));
      }
    });
  });

const forwarder = (socketPath: string): Server =>
  createServer({ allowHalfOpen: true }, (near) => {
    const far: Socket = connect({ path: socketPath, allowHalfOpen: true });
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });

const listen = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });

async function main([socketPath, port]: readonly string[]): Promise<void> {
  process.stdin.on("end", () => process.exit(0)).resume();
  await Promise.all([
    listen(forwarder(socketPath), Number(port), "127.0.0.1"),
    listen(tcpNames(socketPath), 53, "::"),
    serveUdp(socketPath, "udp4"),
    serveUdp(socketPath, "udp6"),
  ]);
  process.stdout.write("ready\n");
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
