import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { renderUnsealer, unsealerToken } from "../../../components/bootstrap/unsealer";
import { type Answer, type Asked, runPython, Stage, serverName } from "./programs";

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.end());

const seed = Buffer.alloc(32, 7).toString("base64");
const rootToken = "hvs.root";
const otp = "0123456789abcdefghijklmnop";

/** The unsealer's Vault. Sealed with each start; what it holds is in here. */
class FakeUnsealer {
  initialised = false;
  sealed = true;
  roots = new Set<string>();
  generated = 0;
  mounts: Record<string, object> = {};
  /** Set by the fake program, through a file. */
  keyFile = "";
  tokens = new Map<string, { accessor: string; body: Record<string, unknown> }>();
  revoked: string[] = [];
  leaseTuned = "";
  /** How often a server asks by its token while that is being made, so that Vault revokes it. */
  hasty = 0;
  /** Names of requests under way; one ends with each look. */
  underWay: string[] = [];
  looks = 0;

  readonly answer = ({ method, path, token, body }: Asked): Answer => {
    const sent = (body ?? {}) as Record<string, string>;
    if (path === "/v1/sys/seal-status") return [200, { initialized: this.initialised, sealed: this.sealed }];
    if (path === "/v1/sys/init") {
      this.initialised = true;
      this.roots.add(rootToken);
      return [200, { keys_base64: ["the-unseal-key"], root_token: rootToken }];
    }
    if (path === "/v1/sys/unseal") {
      this.sealed = sent.key !== "the-unseal-key";
      return [200, {}];
    }
    if (path === "/v1/sys/health") return [this.sealed ? 503 : 200];
    if (path === "/v1/sys/generate-root/attempt") {
      return method === "DELETE" ? [204] : [200, { nonce: "nonce", otp, otp_length: otp.length }];
    }
    if (path === "/v1/sys/generate-root/update") {
      if (sent.key !== "the-unseal-key" || sent.nonce !== "nonce") return [400, "wrong key"];
      const made = `hvs.generated-root-token-${++this.generated}`
        .slice(0, otp.length)
        .padEnd(otp.length, "x");
      this.roots.add(made);
      const bytes = Buffer.from(made).map((byte, n) => byte ^ otp.charCodeAt(n));
      return [200, { encoded_token: Buffer.from(bytes).toString("base64").replace(/=+$/, "") }];
    }
    if (!token || !this.roots.has(token)) return [403, "permission denied"];
    if (path === "/v1/sys/mounts") return [200, { data: this.mounts }];
    if (path === "/v1/sys/mounts/transit") {
      this.mounts["transit/"] = {};
      return [204];
    }
    if (path === "/v1/transit/keys/autounseal") return existsSync(this.keyFile) ? [200, {}] : [404];
    if (path === "/v1/sys/policies/acl/autounseal") return [204];
    if (path === "/v1/sys/auth/token/tune") {
      this.leaseTuned = sent.max_lease_ttl ?? "";
      return [204];
    }
    if (path === "/v1/sys/in-flight-req") {
      const now = Object.fromEntries([`own-${++this.looks}`, ...this.underWay].map((id) => [id, {}]));
      const [ended] = this.underWay.splice(0, 1);
      if (ended && this.hasty > 0) {
        this.hasty -= 1;
        this.tokens.delete([...this.tokens.keys()][0] ?? "");
      }
      return [200, now];
    }
    if (path === "/v1/auth/token/lookup") {
      const known = this.tokens.get(sent.token ?? "");
      return known ? [200, { data: { accessor: known.accessor } }] : [403, "bad token"];
    }
    if (path === "/v1/auth/token/create-orphan") {
      const accessor = `accessor-of-${sent.display_name}`;
      this.tokens.set(sent.id ?? "", { accessor, body: sent });
      return [200, { auth: { accessor } }];
    }
    if (path === "/v1/auth/token/revoke-accessor") {
      this.revoked.push(sent.accessor ?? "");
      return [204];
    }
    if (path === "/v1/auth/token/revoke-self") {
      this.roots.delete(token);
      return [204];
    }
    return [404, `no route ${method} ${path}`];
  };
}

/** Vault's own program: keeps what it was given, and how. */
const program = `#!/usr/bin/env python3
import json, os, sys
home = os.environ["HOME"]
key = sys.argv[4].lstrip("@")
with open(os.path.join(os.path.dirname(sys.argv[0]), "imported.json"), "w") as file:
    json.dump({"argv": sys.argv[1:], "env": dict(os.environ), "token": open(home + "/.vault-token").read(),
               "key": open(key).read(), "mode": os.stat(key).st_mode & 0o777}, file)
`;

/** As the unit on support runs it. */
function runSetup(secrets: string) {
  const folder = join(__dirname, "../../../components/bootstrap/machine");
  return runPython(["-E", "-s", "-B", join(folder, "unsealer_setup.py"), secrets]);
}

async function setUp(fake: FakeUnsealer, servers: string[], transitKey = "the-transit-key") {
  const { address, asked } = await stage.service(fake.answer);
  const at = (name: string) => join(stage.folder, name);
  mkdirSync(at("state"), { recursive: true });
  mkdirSync(at("data"), { recursive: true });
  writeFileSync(at("vault"), program);
  chmodSync(at("vault"), 0o755);
  fake.keyFile = at("imported.json");
  const given = {
    ...{ address, serverName, caFile: stage.authority.at("root.pem"), keyName: "autounseal", transitKey },
    ...{ state: at("state"), data: at("data"), unit: "unsealer.service", program: at("vault") },
    ...{ lingerSeconds: 900, again: ["touch", at("again")] },
    tokens: Object.fromEntries(servers.map((node) => [node, unsealerToken(seed, node)])),
  };
  writeFileSync(at("secrets.json"), JSON.stringify(given));
  return { ran: await runSetup(at("secrets.json")), asked, at };
}

test("a new unsealer gets the stack's key and tokens, and keeps no root token", async () => {
  const fake = new FakeUnsealer();
  const { ran, at } = await setUp(fake, ["a", "b"]);
  expect(ran).toMatchObject({ status: 0, stdout: "", stderr: "" });
  expect(fake).toMatchObject({ initialised: true, sealed: false, roots: new Set(), leaseTuned: "87600h" });
  expect([...fake.tokens.keys()]).toEqual(["a", "b"].map((node) => unsealerToken(seed, node)));
  const [first] = [...fake.tokens.values()];
  expect(first?.body).toMatchObject({ no_default_policy: true, period: "8760h", policies: ["autounseal"] });
  expect(statSync(at("state/unseal.json")).mode & 0o777).toBe(0o400);
  expect(readFileSync(at("state/done.json"), "utf8")).not.toMatch(/root|the-transit-key/);
});

test("key and token reach Vault's program by files alone, which are gone afterwards", async () => {
  const { at } = await setUp(new FakeUnsealer(), ["a"]);
  const seen = JSON.parse(readFileSync(at("imported.json"), "utf8"));
  expect(seen).toMatchObject({ key: "the-transit-key", token: rootToken, mode: 0o600 });
  const shown = JSON.stringify([seen.argv, seen.env]);
  expect(shown).not.toContain("the-transit-key");
  expect(shown).not.toContain(rootToken);
  expect(existsSync(seen.env.HOME)).toBe(false);
});

test("started again it is unsealed, and nothing else is done", async () => {
  const fake = new FakeUnsealer();
  const { asked, at } = await setUp(fake, ["a"]);
  fake.sealed = true;
  const before = asked.length;
  expect(await runSetup(at("secrets.json"))).toMatchObject({ status: 0, stderr: "" });
  expect(fake.sealed).toBe(false);
  expect(
    asked
      .slice(before)
      .filter((a) => a.method !== "GET")
      .map((a) => a.path),
  ).toEqual(["/v1/sys/unseal"]);
});

test("a server more gets a token; one that leaves keeps its own until it has handed over", async () => {
  const fake = new FakeUnsealer();
  await setUp(fake, ["a", "b"]);
  const leaving = await setUp(fake, ["b", "c"]);
  expect(leaving.ran).toMatchObject({ status: 0, stderr: "" });
  expect(fake.revoked).toEqual([]);
  expect([...fake.tokens.keys()]).toContain(unsealerToken(seed, "c"));
  expect(fake).toMatchObject({ generated: 1, roots: new Set() });
  expect(existsSync(leaving.at("again"))).toBe(true);
  // Nothing is due yet, and nobody becomes root for it.
  expect((await runSetup(leaving.at("secrets.json"))).status).toBe(0);
  expect(fake.generated).toBe(1);

  const file = leaving.at("state/done.json");
  const done = JSON.parse(readFileSync(file, "utf8")) as { leaving: Record<string, number> };
  expect(Object.keys(done.leaving)).toEqual(["accessor-of-a"]);
  chmodSync(file, 0o600);
  writeFileSync(file, JSON.stringify({ ...done, leaving: { "accessor-of-a": 1 } }));
  expect((await runSetup(leaving.at("secrets.json"))).status).toBe(0);
  expect(fake.revoked).toEqual(["accessor-of-a"]);
  expect(fake).toMatchObject({ generated: 2, roots: new Set() });
});

test("a token that is revoked while it is made is made again", async () => {
  const fake = new FakeUnsealer();
  fake.hasty = 2;
  fake.underWay = ["slow", "slower", "slowest"];
  const { ran, asked } = await setUp(fake, ["a", "b"]);
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  expect(fake.tokens.size).toBe(2);
  expect(fake.underWay).toEqual([]);
  expect(asked.filter((a) => a.path === "/v1/auth/token/create-orphan").length).toBeGreaterThan(2);
});

test("another transit key than the one it holds is refused", async () => {
  const fake = new FakeUnsealer();
  await setUp(fake, ["a"]);
  const { ran } = await setUp(fake, ["a"], "another-key");
  expect(ran.stderr).toContain("the unsealer holds another transit key than this stack's");
  expect(ran.stderr).not.toContain("another-key");
  expect(fake.roots.size).toBe(0);
});

const plan = renderUnsealer({
  version: "1.21.1",
  address: "fd00:1ab::2",
  serverName: "support.dev.internal",
  certificate: {
    ...{ service: "support", profile: "p", authKey: "00", commonName: "c", dnsNames: [], ipAddresses: [] },
    ...{
      directory: "/etc/ssl/support",
      caPem: "ca",
      issuingPem: "i",
      owner: "root",
      group: "root",
      notifies: [],
    },
  },
  seed,
  servers: ["a"],
});

test("only root reads the secrets of its plan, and its configuration has none", () => {
  const file = (name: string) => plan.files?.find((f) => f.path.endsWith(name));
  expect(file("secrets.json")).toMatchObject({ owner: "root", group: "root", mode: "0400" });
  const secrets = JSON.parse(file("secrets.json")?.content ?? "") as { transitKey: string; tokens: object };
  expect(Buffer.from(secrets.transitKey, "base64")).toHaveLength(32);
  expect(secrets.tokens).toEqual({ a: unsealerToken(seed, "a") });
  for (const other of plan.files ?? []) {
    if (other !== file("secrets.json")) expect(other.content).not.toContain(secrets.transitKey);
  }
});

test("whatever changes, the unit that must know is told", () => {
  const told = (end: string) => plan.files?.find((f) => f.path.endsWith(end))?.notifies?.map((n) => n.unit);
  expect(told("vault.json")).toEqual(["unsealer.service"]);
  expect(told("secrets.json")).toEqual(["unsealer-setup.service"]);
  expect(plan.certificates?.[0]?.notifies).toEqual([{ unit: "unsealer.service", action: "restart" }]);
  const setup = plan.units?.find((u) => u.name === "unsealer-setup.service")?.content;
  for (const line of ["PartOf=unsealer.service", "After=unsealer.service", "WantedBy=unsealer.service"]) {
    expect(setup).toContain(line);
  }
});
