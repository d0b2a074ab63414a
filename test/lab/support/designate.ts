import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { KeyPair } from "../../../lab/acme/certificate";
import type { Zone } from "../../../lab/linode/admin";

/** An application credential: what Keystone lets in without a user's name. */
export interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
}

interface RecordSet {
  readonly id: string;
  readonly zone_id: string;
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly description: string;
  readonly records: readonly string[];
}

type Reply = readonly [status: number, body?: object];

const zoneId = randomUUID();

/**
 * OpenStack's name service with one zone, and the part of Keystone that lets in, as their API references have them (identity v3,
 * dns v2). Records of type TXT alone are kept.
 */
export class Designate {
  /** What was asked, as "POST /dns/v2/zones/…/recordsets". */
  readonly calls: string[] = [];
  private readonly sets = new Map<string, RecordSet>();
  private readonly token = randomUUID();

  private constructor(
    readonly domain: string,
    private readonly region: string,
    private readonly credential: ApplicationCredential,
    private readonly server: ReturnType<typeof createServer>,
  ) {}

  /**
   * @param pair of its HTTPS, for localhost
   * @param domain the zone's name, without a dot at its end
   * @param region in which the catalog has it; another one has a service elsewhere
   */
  static async start(pair: KeyPair, domain: string, region: string, credential: ApplicationCredential) {
    const server = createServer(pair);
    const designate = new Designate(domain, region, credential, server);
    server.on("request", async (request: IncomingMessage, response) => {
      designate.calls.push(`${request.method} ${request.url?.split("?")[0]}`);
      const [status, body] = designate.answer(request, await text(request));
      const headers = { "content-type": "application/json", "x-subject-token": designate.token };
      response.writeHead(status, headers).end(body && JSON.stringify(body));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    return designate;
  }

  get url(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Keystone's address, as `openrc` files have it. */
  get authUrl(): string {
    return `${this.url}/identity/v3`;
  }

  /** Its zone, as a name server serves it. */
  get zone(): Zone {
    const rows = [...this.sets.values()].flatMap(({ name, type, ttl, records }) =>
      records.map((target) => ({
        name: name.slice(0, -this.domain.length - 2),
        ...{ type, target, ttl, priority: 0 },
      })),
    );
    return { domain: this.domain, email: `ops@${this.domain}`, ttl: 60, records: rows };
  }

  end(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer({ method, url = "", headers }: IncomingMessage, body: string): Reply {
    const { pathname, searchParams } = new URL(url, this.url);
    if (method === "POST" && pathname === "/identity/v3/auth/tokens") return this.letIn(JSON.parse(body));
    if (headers["x-auth-token"] !== this.token) return [401, { error: { title: "Unauthorized" } }];
    const zones = "/dns/v2/zones";
    if (method === "GET" && pathname === zones) {
      const asked = searchParams.get("name");
      const found = !asked || asked === `${this.domain}.` ? [{ id: zoneId, name: `${this.domain}.` }] : [];
      return [200, { zones: found, links: {}, metadata: { total_count: found.length } }];
    }
    const sets = `${zones}/${zoneId}/recordsets`;
    if (pathname === sets) return this.listed(method, searchParams, body);
    const one = this.sets.get(pathname.replace(`${sets}/`, ""));
    if (!one) return [404, { code: 404, type: "recordset_not_found" }];
    if (method === "PUT") return this.keep({ ...one, ...JSON.parse(body) });
    if (method !== "DELETE") return [405];
    this.sets.delete(one.id);
    return [202, one];
  }

  private listed(method: string | undefined, wanted: URLSearchParams, body: string): Reply {
    if (method === "POST") {
      const given = JSON.parse(body) as RecordSet;
      const same = [...this.sets.values()].some(
        ({ name, type }) => name === given.name && type === given.type,
      );
      if (same) return [409, { code: 409, type: "duplicate_recordset" }];
      if (given.type !== "TXT" || !given.name.endsWith(`.${this.domain}.`)) return [400, { code: 400 }];
      return this.keep({ ...given, id: randomUUID(), zone_id: zoneId });
    }
    const recordsets = [...this.sets.values()].filter(
      ({ name, type }) => name === (wanted.get("name") ?? name) && type === (wanted.get("type") ?? type),
    );
    return [200, { recordsets, links: {}, metadata: { total_count: recordsets.length } }];
  }

  private keep(set: RecordSet): Reply {
    this.sets.set(set.id, set);
    return [202, { ...set, status: "PENDING" }];
  }

  /** A token and the catalog, in which another region's service comes first. */
  private letIn(asked: { auth: { identity: { application_credential?: ApplicationCredential } } }): Reply {
    const { id, secret } = asked.auth.identity.application_credential ?? {};
    if (id !== this.credential.id || secret !== this.credential.secret) {
      const message = "The request you have made requires authentication.";
      return [401, { error: { code: 401, message, title: "Unauthorized" } }];
    }
    const endpoint = (region: string, url: string) => ({
      ...{ id: randomUUID(), interface: "public" },
      ...{ region, region_id: region, url },
    });
    const endpoints = [
      endpoint("elsewhere", "https://localhost:1/dns"),
      endpoint(this.region, `${this.url}/dns`),
    ];
    const catalog = [{ id: randomUUID(), type: "dns", name: "designate", endpoints }];
    const expires_at = new Date(Date.now() + 3_600_000).toISOString();
    return [201, { token: { methods: ["application_credential"], expires_at, catalog } }];
  }
}
