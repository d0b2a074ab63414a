/** What the bench prints. Pure text from measured figures. */
import { type ClusterRun, clientEnd, siteEnd, type UpRun, unchangedEnd } from "./cluster";
import { type FloorRun, floorEnd } from "./floor";
import { type Host, wasBusy } from "./host";
import type { IngressRun } from "./ingress";
import { ingressText } from "./ingress/report";
import type { PhaseShare } from "./phases";
import { judgePreviews, type PreviewRun, resourceLimit } from "./preview";
import { type Figure, figure } from "./stats";
import { columns, figureText, seconds } from "./text";

export { columns, figureText } from "./text";

/** Everything that was measured. */
export interface Measured {
  readonly host: Host;
  readonly floor: readonly FloorRun[];
  readonly cluster: readonly ClusterRun[];
  readonly ingress: readonly IngressRun[];
  /** For each run the previews of all sizes. */
  readonly preview: readonly (readonly PreviewRun[])[];
}

/** What a figure should be. */
interface Aim {
  readonly end: string;
  readonly seconds: number;
  readonly ratio?: number;
}

const aims = {
  first: { end: siteEnd, seconds: 60, ratio: 2.5 },
  second: { end: unchangedEnd, seconds: 10 },
  client: { end: clientEnd, seconds: 15 },
} satisfies Record<keyof ClusterRun, Aim>;

/** Logins by SSH that a machine should see in its making: enrolment and apply. */
const loginAim = 2;

/** What the floor leaves out, or does otherwise: a ratio to it compares time, not work. */
export const differences: readonly string[] = [
  "the floor has no TLS, ACLs, firewall or gossip keys, runs its daemons as root, and signs no certificates",
  "the floor's eighth machine idles; the dev stack's is support: signer, unsealer, artifacts, the way in",
  "the floor's machines speak IPv4, the dev stack's by its settings; the image and its programs are the same",
  "the floor's web server lies in the image; the site's comes from support, is checked, and reads a secret",
];

/** The report for people. */
export function reportText(measured: Measured): string {
  const { host, floor, cluster, ingress, preview } = measured;
  const runs = Math.max(floor.length, cluster.length, ingress.length, preview.length);
  const blocks = [hostText(host, runs)];
  if (floor.length > 0 || cluster.length > 0) blocks.push(timesText(floor, cluster));
  if (cluster.length > 0) blocks.push(phasesText(cluster), loginsText(cluster));
  if (ingress.length > 0) blocks.push(ingressText(ingress));
  if (preview.length > 0) blocks.push(previewText(preview));
  return blocks.join("\n\n");
}

function hostText(host: Host, runs: number): string {
  const load = host.load.map((value) => value.toFixed(1)).join(" ");
  return [
    `${host.at}: ${host.cores} cores, ${host.memoryMb} MB (${host.freeMb} MB free), Linux ${host.kernel}, Node ${host.node}`,
    `Load when it began: ${load}${wasBusy(host) ? ". Others were at work here: the times are too high." : ""}`,
    runs === 1 ? "One run." : `Medians of ${runs} runs, in brackets the least and the most.`,
  ].join("\n");
}

function timesText(floor: readonly FloorRun[], cluster: readonly ClusterRun[]): string {
  const total = figure(floor.map((run) => run.seconds));
  const rows = [["", "seconds", "x floor", "aim", "ends when"]];
  if (total) {
    rows.push([`floor, ${floor[0]?.machines} machines`, figureText(total), "", "", floorEnd]);
    for (const [index, { phase }] of (floor[0]?.phases ?? []).entries()) {
      rows.push([
        `  ${phase}`,
        figureText(figure(floor.map((run) => run.phases[index]?.seconds))),
        "",
        "",
        "",
      ]);
    }
  }
  const ups = { first: "first up", second: "second up", client: "one client more" } as const;
  if (cluster.length > 0) {
    for (const key of ["first", "second", "client"] as const) {
      const own = cluster.map((run) => run[key]);
      rows.push(upRow(ups[key], own, total, aims[key]));
    }
  }
  const notes =
    total && cluster.length > 0
      ? [
          "",
          "* Unlike ends: the floor's is its own, above. What else differs:",
          ...differences.map((line) => `  - ${line}`),
        ]
      : [];
  return [columns(rows), ...notes].join("\n");
}

function upRow(what: string, runs: readonly UpRun[], floor: Figure | undefined, aim: Aim): string[] {
  const one = figure(runs.map((run) => run.seconds)) as Figure;
  const ends = [...new Set(runs.map(({ end }) => end))];
  const ratio = floor && one.median / floor.median;
  return [
    what,
    figureText(one),
    ratio === undefined ? "" : `${ratio.toFixed(1)} *`,
    aimText(one.median, ratio, ends, aim),
    ends.join(" / "),
  ];
}

/** Judges a figure, if it ended where the aim ends. */
export function aimText(value: number, ratio: number | undefined, ends: readonly string[], aim: Aim): string {
  const words = `${aim.seconds}${aim.ratio === undefined ? "" : `, ${aim.ratio} x`}`;
  if (ends.length !== 1 || ends[0] !== aim.end) return `${words}: not judged, other end`;
  if (aim.ratio !== undefined && ratio === undefined) {
    return `${words}: ${value <= aim.seconds ? "not judged, no floor" : "missed"}`;
  }
  const met = value <= aim.seconds && (aim.ratio === undefined || (ratio as number) <= aim.ratio);
  return `${words}: ${met ? "met" : "missed"}`;
}

/** The phases of the first `up`: the shares add up to the time that the engine took. */
function phasesText(cluster: readonly ClusterRun[]): string {
  const titles = [...new Set(cluster.flatMap(({ first }) => first.phases.map(({ title }) => title)))];
  const whole = figure(cluster.map(({ first }) => first.engineSeconds)) as Figure;
  const rows = [["first up, by phase", "share", "%", "from", "to", "busy", "resources"]];
  for (const title of titles) {
    const own = cluster.flatMap(({ first }) => first.phases.filter((phase) => phase.title === title));
    const of = (pick: (phase: PhaseShare) => number): Figure => figure(own.map(pick)) as Figure;
    const share = of((phase) => phase.share);
    rows.push([
      `  ${title}`,
      figureText(share),
      `${Math.round((share.median / whole.median) * 100)}`,
      seconds(of((phase) => phase.from).median),
      seconds(of((phase) => phase.to).median),
      seconds(of((phase) => phase.busy).median),
      String(of((phase) => phase.resources).median),
    ]);
  }
  rows.push(["  the engine's whole", figureText(whole), "100", "", "", "", ""]);
  return `${columns(rows)}\n  share: seconds in which it was the earliest phase at work, so what came after may have waited for it`;
}

/** Who was logged in to, how often. Support is the way in to all others. */
function loginsText(cluster: readonly ClusterRun[]): string {
  const last = cluster.at(-1) as ClusterRun;
  const split = (run: UpRun) => {
    const entries = Object.entries(run.logins);
    const support = entries.filter(([name]) => /-support-/.test(name)).map(([, count]) => count);
    const others = entries.filter(([name]) => !/-support-/.test(name)).map(([, count]) => count);
    return { support: Math.max(0, ...support), most: Math.max(0, ...others) };
  };
  const [first, second, client] = [last.first, last.second, last.client].map(split) as [
    ReturnType<typeof split>,
    ReturnType<typeof split>,
    ReturnType<typeof split>,
  ];
  const judged = first.most <= loginAim ? "met" : "missed";
  return [
    `SSH logins of a machine (support, the way in to all others, in brackets; aim ${loginAim}: ${judged})`,
    `  first up: at most ${first.most} (${first.support}) · second up: ${second.most} (${second.support}) · one client more: ${client.most} (${client.support})`,
  ].join("\n");
}

function previewText(preview: readonly (readonly PreviewRun[])[]): string {
  const sizes = (preview[0] ?? []).map(({ clients }) => clients);
  const middle = sizes.map((_, index) => medianRun(preview.map((runs) => runs[index] as PreviewRun)));
  const rows = [
    ["preview with mocks: clients", "seconds", "peak MB", "resources", "of plugins"],
    ...sizes.map((clients, index) => {
      const own = preview.map((runs) => runs[index] as PreviewRun);
      const { resources, components } = middle[index] as PreviewRun;
      return [
        `  ${clients}`,
        figureText(figure(own.map((run) => run.seconds)), (value) => value.toFixed(2)),
        figureText(figure(own.map((run) => run.peakMb)), (value) => value.toFixed(0)),
        String(resources + components),
        String(resources),
      ];
    }),
  ];
  const verdict = judgePreviews(middle);
  const steps = (values: readonly number[], digits: number): string =>
    values.map((value) => value.toFixed(digits)).join(", then ");
  const grows = (linear: boolean): string => (linear ? "linear" : "NOT linear");
  return [
    columns(rows),
    "  The values that plugins would only know later are there at once, so more is rendered than in a real preview.",
    `One client more: ${verdict.resourcesPerClient} resources, ${verdict.managedPerClient} of them of plugins ` +
      `(${grows(verdict.linear.resources)}; aim ${resourceLimit}: ${verdict.withinLimit ? "met" : "missed"})`,
    `  ${steps(verdict.millisecondsPerClient, 2)} ms (${grows(verdict.linear.seconds)}), ` +
      `${steps(verdict.mbPerClient, 3)} MB (${grows(verdict.linear.memory)})`,
  ].join("\n");
}

/** The medians of runs of one size. */
function medianRun(runs: readonly PreviewRun[]): PreviewRun {
  const of = (pick: (run: PreviewRun) => number): number => (figure(runs.map(pick)) as Figure).median;
  return {
    clients: of((run) => run.clients),
    seconds: of((run) => run.seconds),
    loadSeconds: of((run) => run.loadSeconds),
    peakMb: of((run) => run.peakMb),
    resources: of((run) => run.resources),
    components: of((run) => run.components),
  };
}

/** The report for programs: every run, the aims and the verdict on the previews. */
export function reportJson(measured: Measured): string {
  const median = measured.preview[0]?.map((_, index) =>
    medianRun(measured.preview.map((runs) => runs[index] as PreviewRun)),
  );
  return JSON.stringify({
    ...measured,
    busy: wasBusy(measured.host),
    floorEnd,
    aims,
    differences,
    ...(median ? { previewVerdict: judgePreviews(median) } : {}),
  });
}
