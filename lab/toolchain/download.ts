/** Downloads from release hosts: quick to see that a host is out of reach, and to say so once. */
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** The host cannot be had (no name, no answer, a gateway in between): another source may be used instead. */
export class Unreachable extends Error {}

/** The host answered, and what it gave cannot be trusted or is incomplete: never a reason to use another source. */
export class BadRelease extends Error {}

// A proxy that forbids the host, or a gateway that does not get through to it.
const GATEWAY_STATUSES = new Set([403, 407, 429, 500, 502, 503, 504, 511]);

/** Fetches release files by host and path. One instance remembers, for its life, which hosts do not answer. */
export class ReleaseHosts {
  private readonly silent = new Map<string, string>();

  /**
   * @param mirror base URL below which `<host>/<path>` lies (HASHISTACK_RELEASES); undefined asks the hosts
   * themselves over HTTPS; "off" asks nobody.
   */
  constructor(
    private readonly mirror: string | undefined,
    private readonly signal?: AbortSignal,
    /** How long to wait for the first byte of an answer, and for the next part of a body. */
    private readonly limits = { answerMs: 4_000, stallMs: 30_000 },
  ) {}

  url(location: string): string {
    return this.mirror ? `${this.mirror.replace(/\/+$/, "")}/${location}` : `https://${location}`;
  }

  /** The whole body, for small files. `undefined` when the host says that it has no such file. */
  async text(location: string): Promise<Uint8Array | undefined> {
    return this.request(location, async (body) => {
      const parts: Uint8Array[] = [];
      for await (const part of body) parts.push(part as Uint8Array);
      return Buffer.concat(parts);
    });
  }

  /** Streams the body to a file. False when the host says that it has no such file. */
  async file(location: string, target: string): Promise<boolean> {
    const done = await this.request(location, async (body) => {
      await pipeline(body, createWriteStream(target));
      return true;
    });
    return done ?? false;
  }

  private async request<T>(location: string, read: (body: Readable) => Promise<T>): Promise<T | undefined> {
    const host = location.split("/")[0];
    if (this.mirror === "off") throw new Unreachable("releases are turned off");
    const known = this.silent.get(host);
    if (known) throw new Unreachable(known);
    const url = this.url(location);
    const limit = new AbortController();
    const late = (ms: number) =>
      setTimeout(() => limit.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
    let timer = late(this.limits.answerMs);
    try {
      const signals = this.signal ? [limit.signal, this.signal] : [limit.signal];
      const response = await fetch(url, { signal: AbortSignal.any(signals), redirect: "follow" });
      if (!response.ok || !response.body) {
        await response.body?.cancel();
        if (response.status === 404 || response.status === 410) return undefined;
        if (GATEWAY_STATUSES.has(response.status)) throw new Error(`status ${response.status}`);
        throw new BadRelease(`${url} answered with status ${response.status}`);
      }
      const body = Readable.fromWeb(response.body as ReadableStream);
      body.on("data", () => {
        clearTimeout(timer);
        timer = late(this.limits.stallMs);
      });
      body.pause();
      return await read(body);
    } catch (error) {
      // Of this machine, not of the host: a full disk must not look like one.
      const local = (error as NodeJS.ErrnoException).syscall !== undefined;
      if (error instanceof BadRelease || local) throw error;
      if (this.signal?.aborted) throw new Error(`the download of ${url} was stopped`);
      const reason = `${host} does not answer (${reasonOf(error)})`;
      this.silent.set(host, reason);
      throw new Unreachable(reason);
    } finally {
      clearTimeout(timer);
    }
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as { code?: string; message?: string } | undefined;
  return cause?.code ?? cause?.message ?? error.message;
}
