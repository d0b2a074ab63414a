/** The ingress's figures as text. Pure. */
import { figure } from "../stats";
import { columns, figureText } from "../text";
import type { IngressPass, IngressRun } from ".";
import { full, type LoadFigure, light } from "./load";

/** The table. Ratios are those of one pass: what stood beside it was measured within the same minute. */
export function ingressText(runs: readonly IngressRun[]): string {
  const rows = [
    [
      "ingress",
      "answers/s",
      "x alone",
      "x nginx",
      `median ms at ${light.perSecond}/s`,
      "x alone",
      "x nginx",
      "99 % within",
    ],
    ...(["fabio", "traefik"] as const).flatMap((kind) =>
      passRows(
        kind,
        runs.map((run) => run[kind]),
      ),
    ),
  ];
  return [
    columns(rows),
    `  ${full.connections} connections that stay, HTTP/1.1, TLS on both sides; load, ingress and service share the host's cores.`,
    "  The page is an empty one: the service's own work would hide the ingress's. alone: one instance, nobody between.",
  ].join("\n");
}

function passRows(kind: string, passes: readonly IngressPass[]): string[][] {
  const row = (title: string, of: keyof IngressPass, beside: readonly (keyof IngressPass)[]): string[] => {
    const value = (pick: (one: LoadFigure) => number, digits: number): string =>
      figureText(figure(passes.map((pass) => pick(pass[of]))), (number) => number.toFixed(digits));
    const ratio = (pick: (one: LoadFigure) => number, other: keyof IngressPass): string =>
      beside.includes(other)
        ? figureText(figure(passes.map((pass) => pick(pass[of]) / pick(pass[other]))), (number) =>
            number.toFixed(2),
          )
        : "";
    const speed = (one: LoadFigure): number => one.perSecond;
    const median = (one: LoadFigure): number => one.medianMs;
    return [
      title,
      value(speed, 0),
      ratio(speed, "alone"),
      ratio(speed, "nginx"),
      value(median, 2),
      ratio(median, "alone"),
      ratio(median, "nginx"),
      `${value((one) => one.slowMs, 1)} ms`,
    ];
  };
  return [
    row(`  ${kind}`, "ingress", ["alone", "nginx"]),
    row("    nginx beside it", "nginx", ["alone"]),
    row("    the service alone", "alone", []),
  ];
}
