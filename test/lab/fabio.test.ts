import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { until } from "../../bench/run";
import { fabioFinds } from "../../components/jobs/fabio";
import { ensureTools } from "../../lab/toolchain";

/** The real Fabio and a Consul that answers as it is told: what the catalog always has keeps Fabio from answering 503. */

const [entry] = fabioFinds.catalog ?? [];
const [key] = fabioFinds.keys ?? [];

/** What Fabio asks of Consul. */
class Catalog {
  /** Whether questions about services are errors. */
  fails = false;
  index = 5;
  private readonly waiting: (() => void)[] = [];
  private open: () => void = () => undefined;
  /** Until this is called the state of the checks is not told. */
  readonly told = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  readonly server = http.createServer((asked, answer) => void this.answer(asked, answer));

  constructor(
    private readonly finds: boolean,
    private readonly page: number,
  ) {}

  tell(): void {
    this.open();
  }

  /** Lets those know that wait for a change. */
  change(fails: boolean): void {
    this.fails = fails;
    this.index++;
    for (const go of this.waiting.splice(0)) go();
  }

  private async answer(asked: http.IncomingMessage, answer: http.ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(asked.url ?? "", "http://consul");
    const send = (status: number, body: unknown): void => {
      answer.writeHead(status, { "X-Consul-Index": this.index, "content-type": "application/json" });
      answer.end(JSON.stringify(body));
    };
    if (pathname === "/v1/agent/self") return send(200, { Config: { Datacenter: "dc1" } });
    if (pathname.startsWith("/v1/kv/")) {
      // Nothing ever changes there.
      if (Number(searchParams.get("index")) > 0) return;
      if (!this.finds || !pathname.endsWith("config")) return send(404, null);
      return send(200, [{ Key: key?.key, Value: Buffer.from(key?.value ?? "").toString("base64") }]);
    }
    const services = { site: ["urlprefix-/"], [entry?.Service.Service ?? ""]: entry?.Service.Tags };
    if (pathname === "/v1/health/state/any") {
      await this.told;
      if (Number(searchParams.get("index")) >= this.index)
        await new Promise<void>((resolve) => this.waiting.push(resolve));
      const check = { Node: "one", Status: "passing" };
      return send(
        200,
        Object.keys(services).map((name) => ({
          ...check,
          CheckID: name,
          ServiceID: name,
          ServiceName: name,
        })),
      );
    }
    const name = pathname.split("/").at(-1) ?? "";
    if (this.fails) return send(500, "No cluster leader");
    const one = { Node: "one", ServiceID: name, ServiceName: name, ServiceAddress: "127.0.0.1" };
    send(200, [{ ...one, ServicePort: name === "site" ? this.page : 0, ServiceTags: services[name] }]);
  }
}

let program: string;
const page = http.createServer((_, answer) => answer.end("page"));
const ended: (() => void)[] = [];
beforeAll(async () => {
  program = (await ensureTools(["fabio"]))[0]?.path ?? "";
  await listening(page);
});
afterAll(() => {
  for (const end of ended) end();
  page.close();
});

/** What a visitor sees of a Fabio that starts, and of one whose Consul fails for a second: an answer's status, or a code. */
async function visits(finds: boolean): Promise<{ atStart: Set<unknown>; atFailure: Set<unknown> }> {
  const catalog = new Catalog(finds, (page.address() as AddressInfo).port);
  const consul = await listening(catalog.server);
  const [own, ui] = [await freePort(), await freePort()];
  const words = {
    "registry.consul.addr": `127.0.0.1:${consul}`,
    "registry.consul.register.enabled": "false",
    "registry.consul.serviceMonitors": "8",
    "proxy.addr": `127.0.0.1:${own}`,
    "proxy.noroutestatus": "503",
    "ui.addr": `127.0.0.1:${ui}`,
    insecure: "true",
  };
  const argv = Object.entries(words).map(([name, value]) => `-${name}=${value}`);
  const fabio: ChildProcess = spawn(program, argv, { stdio: "ignore" });
  ended.push(() => {
    fabio.kill("SIGKILL");
    catalog.server.closeAllConnections();
    catalog.server.close();
  });
  const seen = async (seconds: number): Promise<Set<unknown>> => {
    const all = new Set<unknown>();
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(20))
      all.add(await visit(own));
    return all;
  };
  await until("Fabio's own port", 30, async () => (typeof (await visit(ui)) === "number" ? true : undefined));
  const before = await seen(1);
  catalog.tell();
  await until("the page", 30, async () => ((await visit(own)) === 200 ? true : undefined));
  catalog.change(true);
  const atFailure = await seen(1);
  catalog.change(false);
  await until("the page again", 30, async () => ((await visit(own)) === 200 ? true : undefined));
  return { atStart: before, atFailure };
}

it("without what the catalog always has, Fabio answers 503 until it has read it, and when it cannot read it", async () => {
  const { atStart, atFailure } = await visits(false);
  expect(atStart).toContain(503);
  expect(atFailure).toContain(503);
});

it("with it, nobody is there before Fabio knows the routes, and they stay when Consul has an error for it", async () => {
  const { atStart, atFailure } = await visits(true);
  expect([...atStart]).toEqual(["ECONNREFUSED"]);
  expect([...atFailure]).toEqual([200]);
});

function visit(port: number): Promise<number | string | undefined> {
  return new Promise((resolve) => {
    http
      .get({ host: "127.0.0.1", port, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
      .on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  });
}

async function listening(server: http.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = http.createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}
