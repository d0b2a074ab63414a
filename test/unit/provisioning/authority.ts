import "reflect-metadata";
import { execFileSync } from "node:child_process";
import { createHmac, createPrivateKey, webcrypto } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

/** Authorities made by openssl, and a signer that speaks as cfssl's does. */

export class Authority {
  readonly rootPem: string;
  readonly issuingPem: string;

  /** @param folder where keys and certificates are kept */
  constructor(
    private readonly folder: string,
    name: string,
  ) {
    mkdirSync(folder, { recursive: true });
    const usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-days", "30"];
    const make = (what: string, more: string[]) =>
      this.openssl([
        ...[
          "req",
          "-x509",
          "-new",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-noenc",
          ...usage,
        ],
        ...[
          "-keyout",
          this.at(`${what}.key`),
          "-out",
          this.at(`${what}.pem`),
          "-subj",
          `/CN=${name} ${what}`,
        ],
        ...more,
      ]);
    make("root", []);
    make("issuing", ["-CA", this.at("root.pem"), "-CAkey", this.at("root.key")]);
    this.rootPem = readFileSync(this.at("root.pem"), "utf8");
    this.issuingPem = readFileSync(this.at("issuing.pem"), "utf8");
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  private openssl(args: string[], stdin = ""): string {
    return execFileSync("openssl", args, {
      input: stdin,
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    });
  }

  /** Signs a request as it is; 30 days of life. */
  sign(request: string): string {
    const ca = [
      "-CA",
      this.at("issuing.pem"),
      "-CAkey",
      this.at("issuing.key"),
      "-copy_extensions",
      "copyall",
    ];
    return this.openssl(["x509", "-req", ...ca, "-days", "30"], request);
  }

  /** Signs a request for a life that has begun already; in days from now. */
  async signFor(request: string, from: number, to: number): Promise<string> {
    const csr = new x509.Pkcs10CertificateRequest(request);
    const pkcs8 = createPrivateKey(readFileSync(this.at("issuing.key"))).export({
      type: "pkcs8",
      format: "der",
    });
    const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const signingKey = await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
    const day = (n: number) => new Date(Date.now() + n * 86_400_000);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: csr.subject,
      issuer: new x509.X509Certificate(this.issuingPem).subject,
      publicKey: csr.publicKey,
      extensions: csr.extensions,
      notBefore: day(from),
      notAfter: day(to),
      signingAlgorithm: algorithm,
      signingKey,
    });
    return `${certificate.toString("pem")}\n`;
  }

  /** A server's key and chain, for its name or another subjectAltName. Example: "IP:192.0.2.10". */
  serverPair(name: string, alternative = `DNS:${name}`): { key: string; cert: string } {
    const key = this.openssl(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    writeFileSync(this.at("server.key"), key);
    const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${alternative}`];
    const request = this.openssl(["req", "-new", "-key", this.at("server.key"), ...subject]);
    return { key, cert: this.sign(request) + this.issuingPem };
  }
}

export interface SignerAnswer {
  status?: number;
  body: object;
}

/** An HTTPS server that answers authenticated sign requests, and remembers them. */
export class Signer {
  readonly requests: { profile: string; label: string; certificate_request: string }[] = [];
  /** Connections to break before answering. */
  resets = 0;

  private constructor(private readonly server: Server) {}

  static async start(
    pair: { key: string; cert: string },
    authKey: string,
    sign: (request: string) => SignerAnswer | Promise<SignerAnswer>,
  ): Promise<Signer> {
    const server = createServer(pair);
    const signer = new Signer(server);
    server.on("request", (request, response) => {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", async () => {
        if (signer.resets > 0) {
          signer.resets -= 1;
          request.socket.destroy();
          return;
        }
        const sent = JSON.parse(text) as { token: string; request: string };
        const inner = Buffer.from(sent.request, "base64");
        const token = createHmac("sha256", Buffer.from(authKey, "hex")).update(inner).digest("base64");
        signer.requests.push(JSON.parse(inner.toString()));
        const answer =
          token === sent.token && request.url === "/api/v1/cfssl/authsign"
            ? await sign(signer.requests.at(-1)?.certificate_request ?? "")
            : { status: 400, body: { success: false, errors: [{ code: 1, message: "invalid token" }] } };
        response.writeHead(answer.status ?? 200).end(JSON.stringify(answer.body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return signer;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
