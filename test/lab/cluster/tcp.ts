import { describe, expect, it } from "vitest";
import { tcpRouteTags } from "../../../components/jobs/ingress";
import type { KeyPair } from "../../../lab/acme/certificate";
import { connection, said } from "../support/conversation";
import { type Trial, until } from "../support/trial";
import { logOf } from "./ingress";

/** What a service shows that Traefik is told to trust, and what one shows that it is not. */
export interface TcpCertificates {
  readonly trusted: KeyPair;
  readonly foreign: KeyPair;
}

/** The backend's name, as Traefik was told of it. */
export const ledger = "ledger";
export const ledgerName = "ledger.service.consul";

const ports = { trusted: 21_443, foreign: 21_444 } as const;
const services = {
  ledger: { port: ports.trusted, tags: tcpRouteTags({ service: ledger, domain: "ledger.dev.test" }) },
  deep: {
    port: ports.trusted,
    tags: tcpRouteTags({ service: "deep", domain: "deep.dev.test", tlsEnds: "service" }),
  },
  forger: {
    port: ports.foreign,
    tags: tcpRouteTags({ service: "forger", domain: "forger.dev.test" }).map((tag) =>
      tag.replace("forger@file", `${ledger}@file`),
    ),
  },
} as const;

/** A service that speaks no HTTP, behind Traefik at the port of all sites: it says each line backwards. */
export function tcpBehindTraefik(trial: Trial, certificates: () => TcpCertificates): void {
  const speak = async (domain: string, ca: string, anyName = false): Promise<string> => {
    const { loadBalancers } = await trial.outputs();
    const host = loadBalancers[0]?.address ?? "";
    const socket = await connection({ host, port: 443, ca, name: domain, anyName });
    return said(socket, "stressed\n", "\n").finally(() => socket.destroy());
  };

  describe("TLS that speaks no HTTP, by the name that is asked for", () => {
    it("begins with a service", async () => {
      const { privateIpv4 } = await trial.machine("client-a");
      for (const [which, port] of Object.entries(ports)) {
        const { cert, key } = certificates()[which as keyof typeof ports];
        const folder = `/run/${which}`;
        for (const [file, pem] of Object.entries({ cert, key }))
          await trial.put("client-a", `${folder}/${file}.pem`, pem);
        const server = ["openssl", "s_server", "-accept", `0.0.0.0:${port}`, "-rev", "-quiet"];
        const shown = ["-cert", `${folder}/cert.pem`, "-key", `${folder}/key.pem`];
        await trial.inside("client-a", "systemd-run", "--quiet", "--collect", ...server, ...shown);
      }
      for (const [name, { port, tags }] of Object.entries(services)) {
        const Service = { Service: name, Address: privateIpv4, Port: port, Tags: tags };
        const body = { Node: "elsewhere", Address: privateIpv4, SkipNodeUpdate: false, Service };
        const { status } = await trial.api("consul", "/v1/catalog/register", { method: "PUT", body });
        expect(status).toBe(200);
      }
    });

    it("the clients' TLS ends at Traefik, and another that is verified leads on", async () => {
      const { ca } = await trial.outputs();
      await until("an answer of the service", 30, async () => {
        const answer = await speak("ledger.dev.test", ca.site ?? "", true);
        if (answer !== "desserts\n") throw new Error(answer);
        return true;
      });
    });

    it("who shows another certificate than the trusted one behind it is not spoken to", async () => {
      const { ca } = await trial.outputs();
      // Before Traefik knows the route, the name is one of a site that nobody has.
      const came = await until("the route of another service", 30, async () => {
        const told = await speak("forger.dev.test", ca.site ?? "", true).catch(
          (error: Error) => error.message,
        );
        return told.startsWith("HTTP/") ? undefined : told;
      });
      // Traefik asks the service before it answers: its own handshake has no end then.
      expect(came).toMatch(/disconnected before secure TLS|ECONNRESET|^(closed|an error) after ""$/);
      await until("the reason in Traefik's log", 30, async () => {
        const log = await logOf(trial, "traefik", "stdout");
        return /x509: certificate signed by unknown authority/.test(log) || undefined;
      });
      // It lives, and answers who asks it without verifying.
      const { privateIpv4 } = await trial.machine("client-a");
      expect(await trial.knock("edge-a", [{ kind: "tcp", host: privateIpv4, port: ports.foreign }])).toEqual([
        "open",
      ]);
    });

    it("the clients' TLS ends at the service itself, whose own certificate they see", async () => {
      const { trusted } = certificates();
      expect(await speak("deep.dev.test", trusted.cert, true)).toBe("desserts\n");
      const { ca } = await trial.outputs();
      await expect(speak("deep.dev.test", ca.site ?? "", true)).rejects.toThrow();
    });

    it("the site is at the same port as before; then the services go", async () => {
      const { loadBalancers, ca } = await trial.outputs();
      const host = loadBalancers[0]?.address ?? "";
      const [answer] = await trial.request("", [
        { host, port: 443, ca: ca.site, serverName: "www.dev.test" },
      ]);
      expect(answer?.status).toBe(200);
      const gone = await trial.api("consul", "/v1/catalog/deregister", {
        method: "PUT",
        body: { Node: "elsewhere" },
      });
      expect(gone.status).toBe(200);
    });
  });
}
