import { createSocket } from "node:dgram";
import { createServer, request as httpsRequest, type Server } from "node:https";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { decode, encode, streamEncode } from "dns-packet";
import type { KeyPair } from "../../../lab/acme/certificate";
import type { Zone } from "../../../lab/linode/admin";
import { answerTo } from "../../../lab/linode/dns";
import { locate } from "../../../lab/toolchain/ensure";
import { defaultToolchain } from "../../../lab/toolchain/index";

/** What the tests of public certificates stand on beside an ACME server: a proxy before it that has faults, names. */

/** The file of a program of the toolchain, which is there already. */
export async function programFile(name: string): Promise<string> {
  const chain = defaultToolchain();
  const [found] = await locate(
    chain,
    chain.manifest.filter((program) => program.name === name),
  );
  if (!found) throw new Error(`${name} is not there: npm run toolchain -- ${name}`);
  return found.path;
}

/** Answers for names, over TCP and UDP, from zones as they are when it is asked. Gives host:port and what ends it. */
export async function serveNames(
  zones: () => readonly Zone[],
): Promise<{ address: string; end: () => void }> {
  const reply = (question: Buffer) => answerTo(decode(question), zones());
  const stream = createTcpServer((socket) => {
    // Who asks here asks once, and with one packet.
    socket.once("data", (chunk: Buffer) => socket.end(streamEncode(reply(chunk.subarray(2)))));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.listen(0, "127.0.0.1", resolve);
  });
  const { port } = stream.address() as AddressInfo;
  const datagrams = createSocket("udp4");
  datagrams.on("message", (message, from) => {
    datagrams.send(encode(reply(message)), from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    datagrams.once("error", reject);
    datagrams.bind(port, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${port}`,
    end: () => {
      datagrams.close();
      stream.close();
    },
  };
}

/**
 * A proxy before an ACME server that knows what problems its clients were told of. With `limited` it answers whoever orders a
 * certificate as RFC 8555 says that a limit does (6.6). Gives its directory's URL, the problems' types, and what ends it.
 */
export async function between(
  pair: KeyPair,
  far: { port: number; caPem: string },
  { limited = false } = {},
): Promise<{ directory: string; problems: readonly string[]; end: () => void }> {
  const problems: string[] = [];
  const server: Server = createServer(pair, (request, response) => {
    const options = {
      host: "localhost",
      port: far.port,
      path: request.url,
      method: request.method,
      // The URLs that Pebble tells of are then the proxy's.
      headers: request.headers,
      ca: far.caPem,
    };
    const forwarded = httpsRequest(options, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      let [status, headers, body] = [
        answer.statusCode ?? 502,
        answer.headers,
        Buffer.concat(chunks).toString(),
      ];
      if (limited && request.url === "/order-plz" && request.method === "POST") {
        const detail = "too many certificates (5) already issued for this exact set of identifiers";
        body = JSON.stringify({ type: "urn:ietf:params:acme:error:rateLimited", status: 429, detail });
        const nonce = answer.headers["replay-nonce"];
        [status, headers] = [429, { "content-type": "application/problem+json", "retry-after": "3600" }];
        if (nonce) headers["replay-nonce"] = nonce;
      }
      if (headers["content-type"]?.startsWith("application/problem+json"))
        problems.push((JSON.parse(body) as { type: string }).type);
      response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
    });
    forwarded.on("error", () => response.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    directory: `https://localhost:${port}/dir`,
    problems,
    end: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
