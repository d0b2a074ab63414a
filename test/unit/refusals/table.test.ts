import { describe, expect, test } from "vitest";
import { isPlace, openPorts, portText } from "../../../components/topology/ports";
import { carriedOn, credentialsText, outcomes } from "../../lab/refusals/credentials";
import { endpointsText } from "../../lab/refusals/endpoints";
import { exposureText, isOpen, kindOf, kinds, knockers, opened } from "../../lab/refusals/exposure";
import { dev, separate } from "../topology/fixture";

/** What is refused, as a list that a reviewer reads. The lab tries all of it on real daemons: test/lab/refusals. */

// After a change that is meant: npx vitest run --project unit test/unit/refusals --update
test("who reaches what, and with what in hand", async () => {
  await expect([exposureText(), credentialsText(), endpointsText()].join("\n")).toMatchFileSnapshot(
    "../../lab/refusals/table.txt",
  );
});

describe("the table", () => {
  test("has every kind of machine that there is", () => {
    for (const { spec } of [...dev.members, ...separate.members]) {
      const kind = kindOf(spec);
      for (const { to } of openPorts) {
        expect(isPlace(kind as typeof spec, to), `${kind.name} ${to}`).toBe(isPlace(spec, to));
      }
    }
  });

  test("a stranger finds the site and nothing else", () => {
    const found = kinds.flatMap((kind) =>
      [...opened(kind, "stranger")].map((port) => `${kind.name} ${port}`),
    );
    expect(found).toEqual(["load-balancer 80/tcp", "load-balancer 443/tcp"]);
  });

  test("ranges hold what lies between their ends", () => {
    const open = new Set(["22/tcp", "20000-32000/udp"]);
    const asked: [number, "tcp" | "udp"][] = [
      [22, "tcp"],
      [22, "udp"],
      [2, "tcp"],
      [19999, "udp"],
      [20000, "udp"],
      [32000, "udp"],
      [32001, "udp"],
      [25000, "tcp"],
    ];
    expect(asked.map(([port, protocol]) => isOpen(open, port, protocol))).toEqual([
      true,
      false,
      false,
      false,
      true,
      true,
      false,
      false,
    ]);
  });

  test("says of every open port what each credential gets there", () => {
    const missing = openPorts
      // A tunnel carries what others send, and nobody answers at it: the rehearsal tries what may go through.
      .filter(({ to }) => to !== "gateway" && to !== "behind")
      .filter(({ service }) => !(service in outcomes) && !((carriedOn[service] ?? "") in outcomes))
      .map(({ service, port }) => `${service} ${portText(port)}`);
    expect(missing).toEqual([]);
  });

  test("has beside every refusal the like that is allowed", () => {
    for (const [service, rows] of Object.entries(outcomes)) {
      expect(
        Object.values(rows).filter((outcome) =>
          /^(accepted|kept|answered|HTTP 2|HTTP 308|allowed)/.test(outcome),
        ),
        service,
      ).not.toEqual([]);
    }
  });

  test("has a column for everybody who is a machine, and for those who are not", () => {
    expect(knockers).toEqual(["stranger", "admin", ...kinds.map(({ name }) => name)]);
  });
});
