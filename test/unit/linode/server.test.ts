import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RateLimiter, rateLimits } from "../../../lab/linode/limits";
import { list, readListing } from "../../../lab/linode/lists";
import { type Account, ask, plain, startAccount, untilStatus } from "./support";

let account: Account;

beforeEach(async () => {
  account = await startAccount();
});
afterEach(() => account.close());

describe("the API", () => {
  it("takes a known token alone, but for the public lists", async () => {
    const authorization = { authorization: "" };
    const nobody = await account.ask("GET", "/linode/instances", undefined, authorization);
    expect([nobody.status, nobody.body]).toEqual([401, { errors: [{ reason: "Invalid Token" }] }]);
    const wrong = { authorization: "Bearer wrong" };
    expect((await account.ask("GET", "/linode/instances", undefined, wrong)).status).toBe(401);
    expect(
      (await account.ask("GET", "/regions", undefined, authorization)).body.data[0].capabilities,
    ).toContain("VPCs");
    const { body } = await account.ask("GET", "/linode/types/g6-nanode-1", undefined, authorization);
    expect(body.price).toEqual({ hourly: 0.0075, monthly: 5 });
  });

  it("answers in Linode's form to what it does not know, and counts it", async () => {
    const lost = await account.ask("GET", "/lke/clusters");
    expect([lost.status, lost.body]).toEqual([404, { errors: [{ reason: "Not found" }] }]);
    expect((await account.ask("GET", "/linode/instances/7")).status).toBe(404);
    expect((await account.ask("GET", "/images/private%2F1")).body.label).toBe("hashistack");
    expect((await account.ask("GET", "/images/private/1")).body.label).toBe("hashistack");
    expect((await account.ask("GET", "/lab/calls")).body).toEqual({
      "GET /images/:id": 1,
      "GET /images/:owner/:name": 1,
      "GET /linode/instances/:linodeId": 1,
      "GET /v4/lke/clusters (unknown)": 1,
    });
    const junk = await fetch(`${account.url}/v4/vpcs`, {
      method: "POST",
      headers: { authorization: "Bearer rehearsal" },
      body: "{",
    });
    expect([junk.status, await junk.json()]).toEqual([400, { errors: [{ reason: "Invalid JSON" }] }]);
  });

  it("gives two accounts nothing of each other's", async () => {
    const other = await startAccount();
    await account.ask("POST", "/linode/instances", plain("mine"));
    expect((await other.ask("GET", "/linode/instances")).body.results).toBe(0);
    await other.close();
  });

  it("refuses who asks too often, and tells when to come again", async () => {
    const slow = await startAccount({ limits: { list: { requests: 2, seconds: 60 } } });
    const first = await slow.ask("GET", "/vpcs");
    expect([first.headers.get("x-ratelimit-limit"), first.headers.get("x-ratelimit-remaining")]).toEqual([
      "2",
      "1",
    ]);
    await slow.ask("GET", "/domains");
    const third = await slow.ask("GET", "/vpcs");
    expect([third.status, third.body]).toEqual([429, { errors: [{ reason: "Too many requests" }] }]);
    expect(Number(third.headers.get("retry-after"))).toBeGreaterThan(50);
    expect((await slow.ask("GET", "/profile")).status).toBe(200);
    await slow.close();
  });

  it("counts anew when a window has passed", () => {
    const limiter = new RateLimiter(rateLimits);
    for (let call = 0; call < 20; call++) limiter.count("POST /linode/instances", false, 1000);
    expect(() => limiter.count("POST /linode/instances", false, 15_999)).toThrow("Too many requests");
    expect(limiter.count("POST /linode/instances", false, 16_000)["X-RateLimit-Remaining"]).toBe("19");
  });
});

describe("a fault", () => {
  const fault = (body: object) => account.ask("POST", "/lab/faults", body);
  const on = "POST /linode/instances";

  it("answers 429 as often as it is told, then no more", async () => {
    await fault({ on, status: 429, retryAfter: 3, times: 2 });
    for (let time = 0; time < 2; time++) {
      const { status, headers } = await account.ask("POST", "/linode/instances", plain("later"));
      expect([status, headers.get("retry-after")]).toEqual([429, "3"]);
    }
    expect((await account.ask("POST", "/linode/instances", plain("later"))).status).toBe(200);
  });

  it("answers 500 though the instance exists", async () => {
    await fault({ on, status: 500, done: true, label: "lost" });
    expect((await account.ask("POST", "/linode/instances", plain("other"))).status).toBe(200);
    expect((await account.ask("POST", "/linode/instances", plain("lost-one"))).status).toBe(500);
    expect((await account.ask("GET", "/lab/left")).body.instances).toEqual(["other", "lost-one"]);
  });

  it("lets a creation fail later: the event says so, and the instance is off", async () => {
    await fault({ on, instance: "fails" });
    const { body } = await account.ask("POST", "/linode/instances", plain("broken"));
    await untilStatus(account, body.id, "offline");
    await account.state.instances.get(body.id)?.last;
    const events = await account.ask("GET", "/account/events", undefined, {
      "x-filter": '{"action":"linode_create"}',
    });
    expect(events.body.data[0]).toMatchObject({
      status: "failed",
      message: "The disk image could not be deployed.",
    });
  });

  it("lets an answer wait, and is refused when nobody could mean it", async () => {
    await fault({ on: "GET /profile", delayMs: 150 });
    const before = Date.now();
    await account.ask("GET", "/profile");
    expect(Date.now() - before).toBeGreaterThanOrEqual(149);
    expect((await fault({ on, colour: "red" })).body.errors[0].reason).toContain('no "colour"');
    expect((await fault({})).status).toBe(400);
    await fault({ on, status: 500 });
    await account.ask("DELETE", "/lab/faults");
    expect((await account.ask("GET", "/lab/faults")).body.faults).toEqual([]);
  });
});

describe("a list", () => {
  const things = [
    { id: 1, label: "one", tags: ["red"], entity: { id: 7 }, created: "2026-01-01T00:00:00" },
    { id: 2, label: "two", tags: ["red", "blue"], entity: { id: 8 }, created: "2026-01-02T00:00:00" },
    { id: 3, label: "three", tags: [], entity: { id: 8 }, created: "2026-01-02T00:00:00" },
  ];
  const ids = (filter: object) =>
    list(things, { page: 1, pageSize: 100, filter: filter as Record<string, unknown> }).data.map(
      (thing) => (thing as { id: number }).id,
    );

  it.each([
    [{ label: "two" }, [2]],
    [{ tags: "red" }, [1, 2]],
    [{ "entity.id": 8, created: { "+gte": "2026-01-02T00:00:00" } }, [2, 3]],
    [{ "+or": [{ label: "one" }, { label: { "+contains": "HRE" } }] }, [1, 3]],
    [{ "+and": [{ tags: "red" }, { label: { "+neq": "one" } }] }, [2]],
    [{ id: { "+gt": 1, "+lt": 3 } }, [2]],
    [{ id: { "+lte": 2 }, "+order_by": "id", "+order": "desc" }, [2, 1]],
    [{ "+order_by": "created", "+order": "desc" }, [3, 2, 1]],
  ])("filters and orders by %j", (filter, found) => expect(ids(filter)).toEqual(found));

  it("comes in pages, and refuses others", async () => {
    const many = [...Array(60).keys()].map((id) => ({ id }));
    const page = (query: string) => list(many, readListing(new URLSearchParams(query), undefined));
    expect(page("page=3&page_size=25")).toMatchObject({
      page: 3,
      pages: 3,
      results: 60,
      data: many.slice(50),
    });
    expect(() => page("page=4&page_size=25")).toThrow("Not found");
    expect(() => page("page_size=5")).toThrow("page_size: Must be between 25 and 500.");
    expect(() => readListing(new URLSearchParams(), "{")).toThrow("X-Filter");
    expect(() => list(many, readListing(new URLSearchParams(), '{"id":{"+like":1}}'))).toThrow(
      "Unknown operator +like",
    );
    const unknown = await ask(account.url, "GET", "/vpcs", undefined, { "x-filter": "[]" });
    expect(unknown.status).toBe(400);
  });
});
