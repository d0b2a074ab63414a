import { expect, test } from "vitest";
import type { IngressRun } from "../../../bench/ingress";
import { answerOf, type LoadFigure } from "../../../bench/ingress/load";
import { nginxConfig } from "../../../bench/ingress/nginx";
import { ingressText } from "../../../bench/ingress/report";

/** What bombardier 1.2.6 prints of a load in which everything went well, but for its rates. */
const good = {
  spec: { numberOfConnections: 32 },
  result: {
    timeTakenSeconds: 2.5,
    ...{ req1xx: 0, req2xx: 1000, req3xx: 0, req4xx: 0, req5xx: 0, others: 0 },
    latency: { mean: 800, stddev: 10, max: 4000, percentiles: { "50": 700, "75": 800, "99": 2100 } },
  },
};

test("answers that are not good are no figure", () => {
  expect(answerOf(JSON.stringify(good), "https://a/")).toMatchObject({ req2xx: 1000, timeTakenSeconds: 2.5 });
  const bad = { result: { ...good.result, req5xx: 7, errors: [{ description: "timeout", count: 2 }] } };
  expect(() => answerOf(JSON.stringify(bad), "https://a/")).toThrow(
    "the load on https://a/: 7 of 1007 answers were not good (7 of them 5xx; 2 timeout)",
  );
  const none = { result: { ...good.result, req2xx: 0 } };
  expect(() => answerOf(JSON.stringify(none), "https://a/")).toThrow("0 of 0 answers");
});

test("nginx stands before the same instances, and is reached from its own machine alone", () => {
  const config = nginxConfig(["[fd00:1ab::15]:23456", "[fd00:1ab::16]:24567"], "website.service.consul");
  expect(config).toContain("    server [fd00:1ab::15]:23456;\n    server [fd00:1ab::16]:24567;\n");
  expect(config).toContain("listen 127.0.0.1:9443 ssl;");
  expect(config).toContain("proxy_ssl_name website.service.consul;");
});

test("ratios are those of one pass, and medians of runs", () => {
  const figure = (perSecond: number, medianMs: number): LoadFigure => ({ perSecond, medianMs, slowMs: 9.25 });
  const pass = (ingress: LoadFigure) => ({ ingress, nginx: figure(2000, 1), alone: figure(4000, 0.5) });
  const runs: IngressRun[] = [
    { fabio: pass(figure(1000, 2)), traefik: pass(figure(500, 4)) },
    { fabio: pass(figure(1500, 2)), traefik: pass(figure(500, 4)) },
  ];
  const lines = ingressText(runs).split("\n");
  expect(lines[0]).toMatch(/^ingress +answers\/s +x alone +x nginx +median ms at 100\/s/);
  expect(lines[1]).toMatch(
    /^ {2}fabio +1250 \(1000-1500\) +0\.31 \(0\.25-0\.38\) +0\.63 \(0\.50-0\.75\) +2\.00 \(.*\) +4\.00 \(.*\) +2\.00 \(.*\) +9\.\d/,
  );
  expect(lines[4]).toMatch(/^ {2}traefik +500 \(500-500\) +0\.13 \(.*\) +0\.25 \(/);
  expect(lines[5]).toMatch(/^ {4}nginx beside it +2000 \(2000-2000\) +0\.50/);
});
